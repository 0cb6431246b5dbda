"""A server that is gone, against each process: none says that it is ready, each says why."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from burnline.localstack.services import readiness
from tests.faults.harness.members import Member
from tests.faults.scenario import Scenario
from tests.support.burnrate_service import eventually

UNREADY_SECONDS = 3  # 15 where nobody says otherwise
PROCESSES = ("ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway")
REASONS = {
    ("postgres", "burnrate"): "commit",
    ("postgres", "forecast"): "commit",
    ("postgres", "gate"): "commit",
    ("postgres", "alerts"): "commit",
    ("postgres", "api_gateway"): "database",
    ("kafka", "ingest"): "kafka",
    ("kafka", "burnrate"): "kafka",
    ("kafka", "forecast"): "kafka",
    ("kafka", "gate"): "kafka",
    ("kafka", "alerts"): "kafka",
    ("kafka", "api_gateway"): "read_model",
}
"""Under which name each process says it; ingest needs no PostgreSQL."""


@pytest.mark.parametrize("server", ["postgres", "kafka"])
async def test_no_process_is_ready_without_a_server_and_each_is_with_it_again(
    scenario: Scenario, server: str
) -> None:
    members = {
        name: scenario.process(
            name,
            name,
            BURNLINE_UNREADY_SECONDS=str(UNREADY_SECONDS),
            BURNLINE_INSTANCE_ID=name,
            ENABLE_METRICS_SIMULATOR="false",
        )
        for name in PROCESSES
    }
    for member in members.values():
        member.start()
    await asyncio.gather(*(member.wait_ready() for member in members.values()))
    hurt = {"postgres": scenario.cluster.postgres, "kafka": scenario.cluster.kafka}[server]
    await hurt.kill()
    for (gone, name), reason in REASONS.items():
        if gone == server:
            await eventually(says(members[name], reason), expected=True)
    if server == "postgres":
        assert await members["ingest"].is_ready()
    await hurt.start()
    await asyncio.gather(*(member.wait_ready() for member in members.values()))


def says(member: Member, reason: str) -> Callable[[], Awaitable[bool]]:
    """Return what asks whether a process names this reason for not being ready."""

    async def asked() -> bool:
        found = await readiness(member.url)
        return found is not None and reason in found.failing

    return asked
