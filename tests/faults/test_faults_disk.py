"""A disk that is full under PostgreSQL: nothing is lost, nothing is counted twice."""

import asyncio
from pathlib import Path

from tests.faults.harness.small_disk import SmallDisk
from tests.faults.world import World


async def test_disk_full_under_postgres(world: World, tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "small")
    try:
        await disk.start()
        world.use_database(disk.url)
        member = world.member("a")
        member.start()
        await member.wait_ready()
        for _ in range(2):
            await flow(world, 6)
            disk.fill()
            await flow(world, 30)
            disk.free()
            await flow(world, 6)
        found = await world.differences()
        assert not found, "\n".join(found)
        assert "No space left on device" in disk.log
    finally:
        await world.close()
        disk.stop()


async def flow(world: World, bursts: int) -> None:
    for _ in range(bursts):
        await world.send(world.traffic.take(150))
        await asyncio.sleep(0.15)
