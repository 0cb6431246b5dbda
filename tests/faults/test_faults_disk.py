"""A disk that is full under PostgreSQL: nothing is lost, nothing is counted twice."""

import asyncio
from functools import partial
from pathlib import Path

from burnline.localstack.services import readiness
from tests.faults.harness.members import Member
from tests.faults.harness.small_disk import SmallDisk
from tests.faults.scenario import Scenario
from tests.support.burnrate_service import eventually


async def test_disk_full_under_postgres(scenario: Scenario, tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "small")
    try:
        await disk.start()
        scenario.use_database(disk.url)
        member = scenario.member("a", BURNLINE_UNREADY_SECONDS="3")
        member.start()
        await member.wait_ready()
        for _ in range(2):
            await flow(scenario, 6)
            disk.fill()
            await flow(scenario, 30)
            await eventually(partial(says_why, member), expected=True)
            disk.free()
            await flow(scenario, 6)
        found = await scenario.differences()
        assert not found, "\n".join(found)
        assert "No space left on device" in disk.log
    finally:
        await scenario.close()
        disk.stop()


async def says_why(member: Member) -> bool:
    """Whether the process says that it cannot commit, or that it does not get on."""
    found = await readiness(member.url)
    return found is not None and not {"commit", "progress", "tick"}.isdisjoint(found.failing)


async def flow(scenario: Scenario, bursts: int) -> None:
    for _ in range(bursts):
        await scenario.send(scenario.traffic.take(150))
        await asyncio.sleep(0.15)
