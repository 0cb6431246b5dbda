"""Every risk boundary, tier, class of change, state of an override and data status, one by one."""

import re
from datetime import timedelta
from fractions import Fraction
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.decisions import sentences
from common.decisions.decision import Evaluation, Inputs, ShardSign
from common.decisions.evaluate import evaluate
from common.events import ChangeClass, Decision, OnUnknown, SloStatus, Verdict
from common.policy.model import CHANGE_CLASSES, Tier
from common.slo import wording
from common.slo.risk import is_near, level_at
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.gate_inputs import NOW, burning_at, inputs, objective, override, policy, snapshot

TIERS: Final[tuple[Tier, ...]] = (1, 2, 3)
DEFAULT: Final = policy()
ON_UNKNOWN: Final[dict[Tier, OnUnknown]] = {1: "BLOCK", 2: "WARN", 3: "WARN"}

# composite burn rates at and next to each boundary, by the contract's table
BOUNDARIES: Final[list[tuple[float, RiskLevel, Decision]]] = [
    (0.0, RiskLevel.SAFE, "ALLOW"),
    (0.999, RiskLevel.SAFE, "ALLOW"),
    (1.0, RiskLevel.OBSERVE, "ALLOW"),
    (1.001, RiskLevel.OBSERVE, "ALLOW"),
    (1.499, RiskLevel.OBSERVE, "ALLOW"),
    (1.5, RiskLevel.DANGER, "WARN"),
    (1.999, RiskLevel.DANGER, "WARN"),
    (2.0, RiskLevel.DANGER, "WARN"),
    (2.001, RiskLevel.FREEZE, "BLOCK"),
    (1000.0, RiskLevel.FREEZE, "BLOCK"),
]
STATUSES: Final = [*DataStatus]
# state, and whether it counts
OVERRIDES: Final[dict[str, tuple[dict[str, Any] | None, bool]]] = {
    "none": (None, False),
    "active": ({}, True),
    "warns": ({"decision": "WARN"}, True),
    "blocks": ({"decision": "BLOCK"}, True),
    "pending": ({"state": "pending"}, False),
    "revoked": ({"state": "revoked"}, False),
    "replaced": ({"state": "replaced"}, False),
    "ended": ({"expires_at": NOW}, False),
    "ends in a moment": ({"expires_at": NOW + timedelta(microseconds=1)}, True),
    "one use left": ({"max_uses": 3, "uses": 2}, True),
    "used up": ({"max_uses": 3, "uses": 3}, False),
    "another service": ({"service_name": "cart"}, False),
}


def plain(given: Inputs, change: ChangeClass, rules: Any = DEFAULT) -> Verdict:
    return plain_by_class(evaluate(rules, given))[change]


def plain_by_class(outcome: Evaluation) -> dict[ChangeClass, Verdict]:
    return {v.change_class: v for v in outcome.verdicts if v.override_id is None}


def expected(level: Decision, change: ChangeClass, status: DataStatus, *, spent: bool) -> Decision:
    """Return the documented default in words of this table."""
    if change == "rollback":
        known: Decision = "WARN" if level == "BLOCK" or spent else level
    elif level == "BLOCK" or (spent and change == "feature"):
        return "BLOCK"
    else:
        known = level
    return known if status is DataStatus.OK else "UNKNOWN"


@pytest.mark.parametrize("state", OVERRIDES)
@pytest.mark.parametrize(("composite", "level", "decision"), BOUNDARIES)
def test_the_documented_default(
    composite: float, level: RiskLevel, decision: Decision, state: str
) -> None:
    fields, counts = OVERRIDES[state]
    overrides = () if fields is None else (override(**fields),)
    for tier, status, spent in product(TIERS, STATUSES, (False, True)):
        slo = burning_at(composite, spent=spent, status=status)
        given = inputs(tier=tier, snapshot=snapshot([slo], status=status), overrides=overrides)
        outcome, case = evaluate(DEFAULT, given), (tier, status, spent)
        assert outcome.risk_level is level, case
        assert outcome.data_status is status, case
        assert outcome.on_unknown == ON_UNKNOWN[tier]
        by_class = plain_by_class(outcome)
        for change in CHANGE_CLASSES:
            found = by_class[change]
            assert found.decision == expected(decision, change, status, spent=spent), case
            known = ON_UNKNOWN[tier] if found.decision == "UNKNOWN" else found.decision
            assert found.allowed == (known != "BLOCK"), case
            assert found.reasons[0].effect == found.decision, case
        overridden = [v for v in outcome.verdicts if v.override_id is not None]
        assert [v.change_class for v in overridden] == (list(CHANGE_CLASSES) if counts else [])
        for verdict in overridden:
            wanted = (fields or {}).get("decision", "ALLOW")
            assert (verdict.decision, verdict.allowed) == (wanted, wanted != "BLOCK"), case
            assert verdict.reasons[0].code == "overridden"
            assert verdict.reasons[1:] == by_class[verdict.change_class].reasons


@pytest.mark.parametrize(("composite", "level", "decision"), BOUNDARIES)
def test_a_reason_names_level_figure_and_boundary(
    composite: float, level: RiskLevel, decision: Decision
) -> None:
    reason = plain(inputs([burning_at(composite)]), "fix").reasons[0]
    assert reason.effect == decision
    assert reason.slo == "availability"
    assert reason.observed == pytest.approx(composite)
    if level is RiskLevel.SAFE:
        assert reason.code == "within_budget"
        return
    assert reason.code == f"risk_{level.lower()}"
    assert reason.threshold == {"OBSERVE": 1.0, "DANGER": 1.5, "FREEZE": 2.0}[level]
    assert f"{wording.burn_rate(composite)} times as fast as allowed: {level}" in reason.message


# bad of 10 000 allows 10 at 0.999: at the tenth the budget is spent
@pytest.mark.parametrize(("bad", "spent"), [(0, False), (9, False), (10, True), (11, True)])
@pytest.mark.parametrize("change", CHANGE_CLASSES)
def test_the_last_allowed_error_spends_the_budget(
    change: ChangeClass, bad: int, *, spent: bool
) -> None:
    verdict = plain(inputs([objective(slo=(bad, 10_000))]), change)
    codes = [reason.code for reason in verdict.reasons]
    if not spent:
        assert (verdict.decision, codes) == ("ALLOW", ["within_budget"])
        return
    assert codes == ["budget_exhausted"]
    decisions = {"feature": "BLOCK", "rollback": "WARN"}
    assert verdict.decision == decisions.get(change, "ALLOW")
    assert verdict.reasons[0].threshold == 0
    assert ("this is recorded" in verdict.reasons[0].message) == (change != "feature")


def test_what_blocks_a_feature_lets_the_rollback_through_that_ends_it() -> None:
    for slo in (burning_at(1000.0), burning_at(1000.0, spent=True), objective(slo=(11, 10_000))):
        given = inputs([slo])
        assert plain(given, "feature").decision == "BLOCK"
        verdict = plain(given, "rollback")
        assert (verdict.decision, verdict.allowed) == ("WARN", True)
        assert all("a rollback ends a deployment" in r.message for r in verdict.reasons)
    stated = policy(risk={"FREEZE": "BLOCK"})
    assert plain(inputs([burning_at(1000.0)]), "rollback", stated).decision == "BLOCK"


def silent(seconds: float) -> ShardSign:
    return ShardSign(1, NOW - timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(
    ("seconds", "decision"), [(0, "ALLOW"), (24.999, "ALLOW"), (25, "UNKNOWN"), (1e6, "UNKNOWN")]
)
def test_a_silent_owner_of_the_shard(tier: Tier, seconds: float, decision: Decision) -> None:
    verdict = plain(inputs(tier=tier, sign=silent(seconds)), "feature")
    assert verdict.decision == decision
    assert verdict.allowed == (decision == "ALLOW" or tier != 1)
    if decision == "UNKNOWN":
        assert (verdict.reasons[0].code, verdict.reasons[0].observed) == ("shard_silent", seconds)


def test_an_owner_that_was_never_heard_of_is_silent() -> None:
    verdict = plain(inputs(sign=None), "feature")
    assert (verdict.decision, verdict.reasons[0].code) == ("UNKNOWN", "shard_silent")


@pytest.mark.parametrize("tier", TIERS)
def test_a_service_that_never_reported(tier: Tier) -> None:
    given = inputs(tier=tier, snapshot=None)
    outcome = evaluate(DEFAULT, given)
    assert (outcome.data_status, outcome.data_at) == (DataStatus.NO_DATA, None)
    for change in CHANGE_CLASSES:
        verdict = plain(given, change)
        assert (verdict.decision, verdict.allowed) == ("UNKNOWN", tier != 1)
        assert [reason.code for reason in verdict.reasons] == ["no_data"]


@pytest.mark.parametrize("status", [s for s in DataStatus if s is not DataStatus.OK])
def test_a_block_stays_on_old_data_and_says_that_they_are_old(status: DataStatus) -> None:
    for slo in (burning_at(3.0, status=status), burning_at(0.5, spent=True, status=status)):
        verdict = plain(inputs(snapshot=snapshot([slo], status=status)), "feature")
        assert verdict.decision == "BLOCK"
        assert [reason.effect for reason in verdict.reasons] == ["BLOCK", "UNKNOWN"]
    quiet = plain(inputs([burning_at(0.5, spent=True)], sign=silent(3600)), "feature")
    assert [reason.code for reason in quiet.reasons] == ["budget_exhausted", "shard_silent"]


def test_without_requests_the_policy_may_take_what_is_measured() -> None:
    slo = burning_at(1.75, status=DataStatus.NO_TRAFFIC)
    given = inputs(snapshot=snapshot([slo], status=DataStatus.NO_TRAFFIC))
    assert plain(given, "fix").decision == "UNKNOWN"
    assert plain(given, "fix", policy(no_traffic="MEASURED")).decision == "WARN"


@pytest.mark.parametrize(
    ("status", "measured", "decision"),
    [
        (DataStatus.NO_DATA, "UNKNOWN", "UNKNOWN"),
        (DataStatus.NO_DATA, "MEASURED", "UNKNOWN"),
        (DataStatus.NO_TRAFFIC, "UNKNOWN", "UNKNOWN"),
        (DataStatus.NO_TRAFFIC, "MEASURED", "ALLOW"),
    ],
)
def test_one_objective_that_is_not_measured_is_enough_not_to_know(
    status: DataStatus, measured: str, decision: Decision
) -> None:
    slos: list[SloStatus] = [objective(), objective("latency", status=status)]
    verdict = plain(inputs(slos), "feature", policy(no_traffic=measured))
    assert verdict.decision == decision
    if decision == "UNKNOWN":
        assert (verdict.reasons[0].code, verdict.reasons[0].slo) == (str(status), "latency")


@given(
    st.tuples(*[st.tuples(st.integers(0, 60), st.integers(5000, 20_000))] * 3),
    st.sampled_from([0.9, 1.0, 1.4, 2.5]),
)
@example(((2, 1000), (2, 1000), (2, 1000)), 1.0)
@example(((20, 10_000), (20, 10_000), (200_001, 99_999_999)), 1.0)
def test_no_sentence_contradicts_the_level_or_the_threshold_in_it(
    counts: tuple[tuple[int, int], ...], calm: float
) -> None:
    short, hour, day = counts
    slo = objective(short=short, hour=hour, day=day)
    said = _rate(sentences.level(slo, "fix", blocks=True))
    assert level_at(said) is slo.risk_level
    still = _rate(sentences.still_burning(slo, calm))
    assert is_near(slo.composite_burn_rate, calm) or (still < Fraction(str(calm))) == (
        slo.composite_burn_rate < calm
    )
    times = _rate(sentences.budget_spent(slo, "fix", recorded=False))
    assert times >= 1


def _rate(text: str) -> Fraction:
    found = re.search(r"([0-9,]+(?:\.[0-9]+)?) times", text)
    assert found, text
    return Fraction(found[1].replace(",", ""))
