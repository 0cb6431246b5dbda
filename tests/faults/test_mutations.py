"""Each guard is needed: without it the same schedule ends unequal, with it equal.

The schedules of the failpoints run with the guards in `test_faults_failpoints.py`.
"""

import pytest

from tests.faults.harness.mutant import MUTATIONS
from tests.faults.scenario import Scenario
from tests.faults.schedules import (
    database_lost_while_reading,
    frozen_at,
    killed_at,
    repeated_after_restart,
)


async def test_repeats_of_what_was_applied_before_a_restart_count_once(scenario: Scenario) -> None:
    found = await repeated_after_restart(scenario)
    assert not found, "\n".join(found)


async def test_without_marks_they_count_again(scenario: Scenario) -> None:
    found = await repeated_after_restart(scenario, "no_dedup")
    assert _differ(found, "counts"), "\n".join(found)


async def test_nothing_is_read_before_the_seek_when_the_database_was_lost(
    scenario: Scenario,
) -> None:
    found = await database_lost_while_reading(scenario)
    assert not found, "\n".join(found)


async def test_without_the_pause_batches_come_before_the_seek(scenario: Scenario) -> None:
    """The check for gaps then refuses each, which the schedule counts as a difference."""
    found = await database_lost_while_reading(scenario, "no_pause")
    assert any("batches were read before the seek" in line for line in found), "\n".join(found)


async def test_without_pause_and_check_events_are_lost(scenario: Scenario) -> None:
    found = await database_lost_while_reading(scenario, "no_pause,no_gap_check")
    assert _differ(found, "counts"), "\n".join(found)


async def test_without_fencing_a_thawed_zombie_writes(scenario: Scenario) -> None:
    """With fencing: `test_frozen_taken_over_and_thawed[ledger.before_transaction-6]`."""
    found = await frozen_at(scenario, "ledger.before_transaction", 6, "no_fencing")
    assert _differ(found, "counts"), "\n".join(found)


@pytest.mark.parametrize("failpoint", ["ledger.before_transaction", "ledger.after_commit"])
async def test_with_the_offsets_of_kafka_events_are_lost(
    scenario: Scenario, failpoint: str
) -> None:
    """With the ledger's offsets: `test_killed`, at the same failpoints."""
    found = await killed_at(scenario, failpoint, 6, "kafka_offsets")
    assert _differ(found, "counts"), "\n".join(found)


def test_a_guard_that_has_moved_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "burnrate.ingest.dedup.HourDedupKeys.add", lambda self, other: (self, other)
    )
    with pytest.raises(LookupError, match=r"HourDedupKeys\.add takes"):
        MUTATIONS["no_dedup"]()
    monkeypatch.delattr("burnrate.ingest.dedup.HourDedupKeys.add")
    with pytest.raises(AttributeError, match="add"):
        MUTATIONS["no_dedup"]()


def _differ(found: list[str], table: str) -> bool:
    return any(line.startswith(f"{table}: ") for line in found)
