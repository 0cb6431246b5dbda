"""Stored decisions are made again from their JSON, to the last figure."""

import json
from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from common.decisions.decision import Inputs
from common.decisions.evaluate import evaluate
from common.events import GateDecision, encode
from common.policy.model import Policy
from gate.domain.records import DecisionRecord, Stamp, published, replay
from tests.support.gate_inputs import random_state

STATES = 2_500
STAMP = Stamp(3, 7, "01JD3Z0Q5K8Y6T4V9W2X7N1M0P", timedelta(seconds=30))


def decided(seed: int) -> DecisionRecord:
    rules, inputs = random_state(seed)
    decision = published(rules, inputs, evaluate(rules, inputs), STAMP, None)
    return DecisionRecord(decision, inputs, rules)


def through_json(record: DecisionRecord) -> DecisionRecord:
    """Return what a reader of the stored texts gets."""
    return DecisionRecord(
        msgspec.json.decode(encode(record.decision), type=GateDecision),
        msgspec.json.decode(msgspec.json.encode(record.inputs), type=Inputs),
        Policy.model_validate_json(json.dumps(record.policy.document)),
    )


def test_thousands_of_states_give_the_same_verdicts_after_storing() -> None:
    seen: Counter[str] = Counter()
    codes: set[str] = set()
    for seed in range(STATES):
        again = replay(through_json(decided(seed)))
        assert again.is_same, seed
        assert again.differing() == []
        for verdict in again.again.verdicts:
            seen[verdict.decision] += 1
            codes |= {reason.code for reason in verdict.reasons}
    assert set(seen) == {"ALLOW", "WARN", "BLOCK", "UNKNOWN"}
    assert min(seen.values()) > STATES / 10
    assert codes == {
        "budget_exhausted",
        "burn_pair_calm",
        "exhaustion_near",
        "exhaustion_unknown",
        "held_by_budget",
        "held_by_burn_rate",
        "held_for_time",
        "lagging",
        "level_capped",
        "no_data",
        "no_traffic",
        "overridden",
        "partial_coverage",
        "risk_danger",
        "risk_freeze",
        "risk_observe",
        "risk_safe",
        "saturated",
        "shard_silent",
        "stale",
        "thin_evidence",
        "within_budget",
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_same_inputs_give_the_same_decision(seed: int) -> None:
    first, second = decided(seed), decided(seed)
    assert encode(first.decision) == encode(second.decision)


def test_a_changed_row_is_shown_with_the_verdicts_that_differ() -> None:
    record = decided(1)
    first, *others = record.decision.verdicts
    forged = replace(first, allowed=not first.allowed)
    tampered = replace(record.decision, verdicts=(forged, *others))
    found = replay(DecisionRecord(tampered, record.inputs, record.policy))
    assert not found.is_same
    assert found.differing() == [(forged, first)]
    missing = replace(record.decision, verdicts=tuple(others))
    lost = replay(DecisionRecord(missing, record.inputs, record.policy))
    assert lost.differing()[-1] == (None, others[-1])


def test_a_decision_names_what_it_rests_on_and_one_of_before_is_made_again_without() -> None:
    record = next(made for seed in range(99) if (made := decided(seed)).inputs.snapshot)
    snapshot, decision = record.inputs.snapshot, record.decision
    assert snapshot is not None
    assert (decision.snapshot_id, decision.newest_report_at) == (
        snapshot.snapshot_id,
        snapshot.newest_at,
    )
    before = replace(decision, snapshot_id=None, newest_report_at=None)
    assert replay(DecisionRecord(before, record.inputs, record.policy)).is_same
    other = replace(decision, snapshot_id="1.1")
    assert not replay(DecisionRecord(other, record.inputs, record.policy)).is_same
