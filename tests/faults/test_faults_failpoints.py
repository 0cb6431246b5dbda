"""Every failpoint with SIGKILL, and with SIGSTOP where a process that stands still matters."""

import pytest

from tests.faults.scenario import Scenario
from tests.faults.schedules import frozen_at, killed_at

# a flush passes the ledger's failpoints once for each of the four shards
KILLED = (
    ("ledger.before_transaction", 6),
    ("ledger.after_lock", 6),
    ("ledger.after_apply", 6),
    ("ledger.after_commit", 6),
    ("evaluator.before_publish", 6),
    ("evaluator.after_publish", 6),
    ("outbox.after_publish", 2),
    ("outbox.before_commit", 2),
)
FROZEN = (
    ("ledger.before_transaction", 6),
    ("ledger.after_lock", 6),
    ("ledger.after_apply", 7),
    ("ledger.after_commit", 6),
)


@pytest.mark.parametrize(("failpoint", "passage"), KILLED)
async def test_killed(scenario: Scenario, failpoint: str, passage: int) -> None:
    found = await killed_at(scenario, failpoint, passage)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("failpoint", "passage"), FROZEN)
async def test_frozen_taken_over_and_thawed(
    scenario: Scenario, failpoint: str, passage: int
) -> None:
    found = await frozen_at(scenario, failpoint, passage)
    assert not found, "\n".join(found)
    if failpoint == "ledger.before_transaction":
        assert "FencedError" in scenario.members[0].log
