"""Fault schedules that end the same at each run; the ordinary service and mutants run the same.

Each returns what the oracle finds unequal in the end: nothing, or a guard has failed.
"""

import asyncio
import signal
import time
from typing import Final

from tests.faults.harness.members import Member
from tests.faults.scenario import Scenario

BURST: Final = 200
# how long the zombie's transaction keeps the successor waiting shows nothing; that it ends does
_HOLD_SECONDS: Final = "3"
_PATIENCE_SECONDS: Final = 120.0
_BURST_SECONDS: Final = 0.25
_MUTANT_SETTLE_SECONDS: Final = 30.0
_MUTANT_EQUAL_SECONDS: Final = 4.0
_MUTANT_CHANCES: Final = 8


async def killed_at(
    scenario: Scenario, failpoint: str, passage: int, mutation: str = ""
) -> list[str]:
    """SIGKILL at a passage of a failpoint, with traffic on; then the same member again."""
    member = scenario.member("a")
    member.start(f"{failpoint}:{passage}:KILL", mutation)
    await send_while(scenario, member)
    assert await member.wait_ended() == -signal.SIGKILL
    await scenario.forget_members()
    await scenario.send(scenario.traffic.take(BURST))
    member.start(mutation=mutation)
    await member.wait_ready()
    await scenario.send(scenario.traffic.take(BURST))
    return await _differences(scenario, mutation)


async def frozen_at(
    scenario: Scenario, failpoint: str, passage: int, mutation: str = ""
) -> list[str]:
    """SIGSTOP at a passage of a failpoint; another takes over; the zombie is thawed, and stays.

    Nothing is sent from the takeover to the thawing, so that what the zombie does is not mended
    by what comes later.
    """
    zombie = scenario.member("zombie", DATABASE_IDLE_TRANSACTION_SECONDS=_HOLD_SECONDS)
    successor = scenario.member("successor")
    zombie.start(f"{failpoint}:{passage}:STOP", mutation)
    await send_while(scenario, zombie, failpoint)
    await scenario.send(scenario.traffic.take(BURST))
    await scenario.forget_members()
    successor.start(mutation=mutation)
    await scenario.wait_applied()
    zombie.thaw()
    await asyncio.sleep(2.5)  # what the zombie had begun is over by then
    found = await _differences(scenario, mutation)
    if found:
        return found
    await scenario.send(scenario.traffic.take(BURST))
    return await _differences(scenario, mutation)


async def repeated_after_restart(scenario: Scenario, mutation: str = "") -> list[str]:
    """Exact repeats and conflicts of what was applied before a restart, and before a second."""
    member = scenario.member("a")
    records = scenario.traffic.take(BURST)
    for _ in range(2):
        member.start(mutation=mutation)
        await scenario.send(records)
        await scenario.wait_applied()
        await scenario.send(scenario.traffic.again(records[::3]))
        await scenario.wait_applied()
        await member.stop()
    member.start(mutation=mutation)
    return await _differences(scenario, mutation)


async def database_lost_while_reading(scenario: Scenario, mutation: str = "") -> list[str]:
    """The database goes away and comes back while traffic flows and reading is slow.

    A batch is always on its way from the client to the ledger when the ledger goes back to what
    is stored. What the ledger says of such a batch counts as a difference. Where the two meet is
    up to the machine, so that a mutant is given several chances to be found.
    """
    member = scenario.member("a", proxied=True)
    member.start(mutation=f"slow_reads,{mutation}".rstrip(","))
    await member.wait_ready()
    for _ in range(_MUTANT_CHANCES if mutation else 1):
        await _lose_the_database_twice(scenario)
        found = await _differences(scenario, mutation)
        early = member.log.count("fetched before the consumer was moved back")
        found += [f"{early} batches were read before the seek"] if early else []
        if found:
            return found
    return []


async def _lose_the_database_twice(scenario: Scenario) -> None:
    for burst in range(32):
        if burst in {6, 18}:
            scenario.cluster.postgres_proxy.cut()
        if burst in {12, 24}:
            scenario.cluster.postgres_proxy.heal()
        await scenario.send(scenario.traffic.take(40))
        await asyncio.sleep(0.1)


async def send_while(scenario: Scenario, member: Member, failpoint: str = "") -> None:
    """Send bursts until the member has ended, or stands still at a failpoint."""
    hit = member.folder / f"failpoint-{failpoint}.hit"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if not member.is_running or hit.exists():
            return
        await scenario.send(scenario.traffic.take(BURST))
        await asyncio.sleep(_BURST_SECONDS)
    raise AssertionError(f"{member.name} has not come so far\n{member.log[-3000:]}")


async def _differences(scenario: Scenario, mutation: str) -> list[str]:
    """Compare once all is applied: what a busy machine leaves undone is no work of a mutant."""
    if not mutation:
        return await scenario.differences()
    await scenario.settle(_MUTANT_SETTLE_SECONDS)
    return await scenario.differences(_MUTANT_EQUAL_SECONDS)
