"""What a policy can switch on: conditions of a block, hysteresis, forecasts; overrides in order."""

import json
from datetime import datetime, timedelta
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from common.decisions.decision import Inputs, Previous, ShardSign, Standing, burns_below
from common.decisions.evaluate import evaluate, next_look
from common.events import (
    BurnPair,
    BurnRateSnapshot,
    ChangeClass,
    Decision,
    OverrideChanged,
    ServiceForecast,
    Verdict,
)
from common.policy.model import CHANGE_CLASSES, Policy
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.gate_inputs import (
    NOW,
    SERVICE,
    at_level,
    burning_at,
    forecast_of,
    inputs,
    objective,
    override,
    policy,
    snapshot,
)

CALM = dict.fromkeys((300, 1800, 3600, 7200, 21600, 86400, 259200), (0, 100000))


def feature(rules: Policy, given: Inputs) -> Verdict:
    [found] = [
        v
        for v in evaluate(rules, given).verdicts
        if v.change_class == "feature" and v.override_id is None
    ]
    return found


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize("coverage", [0.9899, 0.5, 0.0])
@pytest.mark.parametrize("change", CHANGE_CLASSES)
def test_a_level_that_rests_on_too_few_of_the_present_requests_is_never_allowed_without_saying_so(
    change: ChangeClass, coverage: float
) -> None:
    given = inputs([objective(), objective("fast", coverage=coverage)])
    [found] = [v for v in evaluate(policy(), given).verdicts if v.change_class == change]
    [reason] = found.reasons
    assert (reason.code, reason.slo, reason.observed) == ("partial_coverage", "fast", coverage)
    assert (found.decision, found.allowed, reason.threshold) == ("WARN", True, 0.99)
    assert "the others carry no histogram" in reason.message


def test_a_level_that_rests_on_nearly_all_of_the_present_requests_is_allowed() -> None:
    found = feature(policy(), inputs([objective("fast", coverage=0.99)]))
    assert (found.decision, codes(found)) == ("ALLOW", ["within_budget"])


def test_a_reason_says_how_many_requests_are_uncertain_and_what_burns_without_them() -> None:
    slo = replace(
        objective("fast", short=(50, 1_000), coverage=0.95, uncertain=50),
        uncertain=50,
        composite_burn_rate_least=0.0,
    )
    found = feature(policy(), inputs([slo]))
    assert (found.decision, codes(found)) == ("BLOCK", ["risk_freeze", "partial_coverage"])
    level, coverage = found.reasons
    assert "(0.00 if none of its 50 uncertain requests was slow)" in level.message
    assert "50 lie in histogram buckets across its threshold, and count as bad" in coverage.message


def one_failure_in_ten() -> Inputs:
    """Give one bad request at 120 an hour: a composite of 43 that rests on a single event."""
    return inputs([objective(short=(1, 10), hour=(1, 120), day=(1, 2880), pairs=CALM)])


def test_one_bad_request_blocks_unless_the_policy_asks_for_more() -> None:
    given = one_failure_in_ten()
    assert feature(policy(), given).decision == "BLOCK"
    asked = feature(policy(conditions={"min_bad_events": 10}), given)
    assert (asked.decision, codes(asked)) == ("WARN", ["risk_freeze", "thin_evidence"])
    assert (asked.reasons[1].observed, asked.reasons[1].threshold) == (1, 10)


@pytest.mark.parametrize(("bad", "decision"), [(9, "WARN"), (10, "BLOCK")])
def test_the_least_evidence_is_counted_exactly(bad: int, decision: Decision) -> None:
    slo = objective(short=(bad, 1_000), hour=(bad, 2_000), day=(bad, 3_000))
    rules = policy(conditions={"min_bad_events": 10})
    assert feature(rules, inputs([slo])).decision == decision
    spent = objective(slo=(bad, 1_000))
    assert feature(rules, inputs([spent])).decision == decision


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 2000)), min_size=3, max_size=3),
    st.sampled_from([0.5, 0.9, 1.0, 1.8, 2.0]),
)
@example([(18, 10_000), (18, 10_000), (18, 10_000)], 1.8)
@example([(18, 10_000), (18, 10_000), (18, 10_000)], 1.8000000000000003)
def test_a_block_ends_below_a_burn_rate_in_exact_fractions(
    drawn: list[tuple[int, int]], calm: float
) -> None:
    counts = [(min(bad, total), total) for bad, total in drawn]
    slo = objective(short=counts[0], hour=counts[1], day=counts[2])
    shares = [Fraction(bad, total) for bad, total in counts]
    exact = (40 * shares[0] + 35 * shares[1] + 25 * shares[2]) / 100 / Fraction(1, 1000)
    assert burns_below(slo, calm) == (exact < Fraction(repr(calm)))


def test_a_snapshot_of_before_uncertainty_was_published_is_read_as_certain() -> None:
    new = msgspec.to_builtins(snapshot([objective()]))
    for slo in new["slos"]:
        for name in ("uncertain", "composite_burn_rate_least", "error_budget_remaining_most"):
            del slo[name]
        del slo["reported_seconds"]
        for window in slo["windows"].values():
            del window["uncertain"], window["coverage_ratio"]
    old = msgspec.json.decode(msgspec.json.encode(new), type=BurnRateSnapshot)
    found = feature(policy(), inputs(snapshot=old))
    assert (found.decision, codes(found)) == ("ALLOW", ["within_budget"])


DAY_SECONDS = 86_400


@pytest.mark.parametrize(
    ("bad", "total", "reported_seconds", "decision"),
    [
        (1, 700, 10, "WARN"),
        (9, 900, DAY_SECONDS - 3600, "WARN"),
        (10, 900, 10, "BLOCK"),
        (1, 700, DAY_SECONDS, "BLOCK"),
        # an event of before such a time was published says nothing of it
        (1, 700, None, "BLOCK"),
    ],
)
def test_a_spent_budget_blocks_on_ten_bad_events_or_on_a_day_of_reports(
    bad: int, total: int, reported_seconds: int | None, decision: Decision
) -> None:
    slo = objective(slo=(bad, total), reported_seconds=reported_seconds)
    found = feature(policy(), inputs([slo]))
    thin = ["thin_evidence"] if decision == "WARN" else []
    assert (found.decision, codes(found)) == (decision, ["budget_exhausted", *thin])
    assert slo.error_budget_remaining < 0
    asked = {"budget_evidence": {"min_bad_events": 0}}
    assert feature(policy(conditions=asked), inputs([slo])).decision == "BLOCK"


def test_a_policy_says_how_much_evidence_a_spent_budget_needs_and_null_asks_for_the_default() -> (
    None
):
    slo = objective(slo=(20, 700), reported_seconds=7200)
    asked = policy(conditions={"budget_evidence": {"min_bad_events": 50, "min_reported_hours": 3}})
    [budget, thin] = feature(asked, inputs([slo])).reasons
    assert (budget.effect, thin.observed, thin.threshold) == ("WARN", 20, 50)
    assert "20 bad events and on reports of 2 hours of 30 days" in thin.message
    assert "from 50 bad events or 3 hours on" in thin.message
    assert policy(conditions={"budget_evidence": None}) == policy()


def test_a_policy_that_was_stored_before_evidence_was_asked_for_decides_as_it_did() -> None:
    document = {**policy().document, "conditions": {"burn_pair": False, "min_bad_events": 0}}
    stored = Policy.model_validate_json(json.dumps(document))
    assert stored.document == document
    slo = objective(slo=(1, 700), reported_seconds=10)
    assert feature(stored, inputs([slo])).decision == "BLOCK"


@pytest.mark.parametrize(
    ("long_bad", "short_bad", "decision"),
    # 14.4 times 0.001: at 1 440 of 100 000 the pair burns exactly at its threshold
    [(1_440, 5_000, "WARN"), (1_441, 5_000, "BLOCK"), (5_000, 1_440, "WARN")],
)
def test_a_burn_pair_confirms_above_its_threshold(
    long_bad: int, short_bad: int, decision: Decision
) -> None:
    """The 24 h and 3 d pairs are calm: the pair of 1 h and 5 m alone decides."""
    total = 100_000
    pairs = {**CALM, 3600: (long_bad, total), 300: (short_bad, total)}
    slo = objective(
        short=(short_bad, total), hour=(long_bad, total), day=(0, 9_000_000), pairs=pairs
    )
    verdict = feature(policy(conditions={"burn_pair": True}), inputs([slo]))
    assert verdict.decision == decision
    assert ("burn_pair_calm" in codes(verdict)) == (decision == "WARN")


@pytest.mark.parametrize(("rate", "decision"), [(14.4, "WARN"), (14.4000001, "BLOCK")])
def test_a_pair_at_its_threshold_does_not_burn(rate: float, decision: Decision) -> None:
    pairs = (BurnPair(3600, 300, 14.4, rate), BurnPair(86_400, 7200, 3.0, 0.0))
    slo = replace(at_level(RiskLevel.FREEZE), burn_pairs=pairs)
    rules = policy(conditions={"burn_pair": True})
    assert feature(rules, inputs([slo])).decision == decision


def test_a_pair_that_no_objective_can_reach_is_not_waited_for() -> None:
    slo = replace(at_level(RiskLevel.FREEZE), burn_pairs=())
    assert feature(policy(conditions={"burn_pair": True}), inputs([slo])).decision == "BLOCK"


def test_a_level_that_its_target_caps_is_named() -> None:
    slo = objective(short=(5, 1_000), hour=(5, 1_000), day=(5, 1_000), min_bad_events=10)
    verdict = feature(policy(), inputs([slo]))
    assert (verdict.decision, codes(verdict)) == ("ALLOW", ["level_capped", "risk_observe"])


def blocked(rules: Policy, since: datetime, by: str | None = None) -> Previous:
    standing = dict.fromkeys(CHANGE_CLASSES, Standing("BLOCK", since))
    return Previous("before", by or rules.policy_hash, dict(standing))


@pytest.mark.parametrize(
    ("composite", "decision", "code"),
    [(1.799, "WARN", "risk_danger"), (1.8, "BLOCK", "held_by_burn_rate"), (2.5, "BLOCK", "")],
)
def test_a_block_ends_below_the_burn_rate_of_the_policy(
    composite: float, decision: Decision, code: str
) -> None:
    rules = policy(hysteresis={"burn_rate_below": 1.8})
    before = blocked(rules, NOW - timedelta(hours=1))
    verdict = feature(rules, inputs([burning_at(composite)], previous=before))
    assert verdict.decision == decision
    assert verdict.reasons[0].code == (code or "risk_freeze")
    assert verdict.since == (before.standing["feature"].since if decision == "BLOCK" else NOW)
    fresh = feature(rules, inputs([burning_at(composite)]))
    assert fresh.decision == ("BLOCK" if composite > 2 else "WARN"), "only leaving is delayed"


@pytest.mark.parametrize(
    ("bad", "decision"), [(10_000, "BLOCK"), (9_500, "BLOCK"), (9_499, "ALLOW")]
)
def test_a_block_ends_above_the_budget_of_the_policy(bad: int, decision: Decision) -> None:
    rules = policy(hysteresis={"budget_remaining_above": 0.05})
    slo = objective(slo=(bad, 10_000_000))
    before = blocked(rules, NOW - timedelta(hours=1))
    assert feature(rules, inputs([slo], previous=before)).decision == decision
    [fix] = [
        v
        for v in evaluate(rules, inputs([slo], previous=before)).verdicts
        if v.change_class == "fix"
    ]
    assert fix.decision == "ALLOW", "a spent budget never blocks fixes, so it holds none back"


@pytest.mark.parametrize(("minutes", "decision"), [(0, "BLOCK"), (29.99, "BLOCK"), (30, "ALLOW")])
def test_a_block_lasts_as_long_as_the_policy_says(minutes: float, decision: Decision) -> None:
    rules = policy(hysteresis={"min_block_minutes": 30})
    before = blocked(rules, NOW - timedelta(minutes=minutes))
    given = inputs([burning_at(0.5)], previous=before)
    assert feature(rules, given).decision == decision
    if decision == "BLOCK":
        look_at = next_look(rules, given)
        assert look_at is not None
        assert look_at <= before.standing["feature"].since + timedelta(minutes=30)


def test_another_policy_holds_nothing_that_it_has_not_blocked() -> None:
    rules = policy(hysteresis={"burn_rate_below": 1.8, "min_block_minutes": 30})
    before = blocked(rules, NOW, by="another")
    assert feature(rules, inputs([burning_at(1.9)], previous=before)).decision == "WARN"


def test_the_default_delays_nothing() -> None:
    before = blocked(policy(), NOW)
    given = inputs([burning_at(1.999)], previous=before)
    assert feature(policy(), given).decision == "WARN"


def forecasts(hours: float | None, *, age: timedelta = timedelta(0)) -> ServiceForecast:
    at = NOW - age
    slos = (forecast_of("availability", at, hours),)
    return ServiceForecast(SERVICE, 0, 1, at, DataStatus.OK, slos)


@pytest.mark.parametrize(
    ("hours", "decision"), [(23.9, "WARN"), (24.0, "WARN"), (24.1, "ALLOW"), (None, "ALLOW")]
)
def test_a_policy_may_warn_before_the_budget_is_spent(
    hours: float | None, decision: Decision
) -> None:
    rules = policy(forecast={"warn_within_hours": 24})
    given = inputs(forecast=forecasts(hours))
    assert feature(rules, given).decision == decision
    assert feature(policy(), given).decision == "ALLOW"


def test_a_forecast_that_does_not_know_yet_is_no_calm() -> None:
    rules = policy(forecast={"warn_within_hours": 24})
    [known] = forecasts(None).slos
    unknown = replace(known, forecast_status="catching_up")
    given = inputs(forecast=replace(forecasts(None), slos=(unknown,)))
    verdict = feature(rules, given)
    assert (verdict.decision, verdict.reasons[0].code) == ("WARN", "exhaustion_unknown")
    assert "not known yet when the error budget of availability" in verdict.reasons[0].message
    assert feature(policy(), given).decision == "ALLOW", "without the condition nothing is asked"
    spent = replace(unknown, error_budget_remaining=-0.1)
    given = inputs(forecast=replace(forecasts(None), slos=(spent,)))
    assert "exhaustion_unknown" not in {reason.code for reason in feature(rules, given).reasons}


def test_an_old_forecast_says_nothing() -> None:
    rules = policy(forecast={"warn_within_hours": 24})
    old = forecasts(2, age=timedelta(hours=1, seconds=1))
    assert feature(rules, inputs(forecast=old)).decision == "ALLOW"
    hour_old = forecasts(2, age=timedelta(hours=1))
    assert feature(rules, inputs(forecast=hour_old)).reasons[0].observed == 1.0


def test_a_block_says_when_it_is_forecast_to_end() -> None:
    given = inputs([at_level(RiskLevel.FREEZE)], forecast=forecasts(3))
    assert evaluate(policy(), given).unblocked_at == NOW + timedelta(hours=3)
    calm = inputs([at_level(RiskLevel.SAFE)], forecast=forecasts(3))
    assert evaluate(policy(), calm).unblocked_at is None
    two = [at_level(RiskLevel.FREEZE), at_level(RiskLevel.FREEZE, name="latency")]
    assert evaluate(policy(), inputs(two, forecast=forecasts(3))).unblocked_at is None
    both = (*forecasts(3).slos, forecast_of("latency", NOW, 5))
    known = inputs(two, forecast=replace(forecasts(3), slos=both))
    assert evaluate(policy(), known).unblocked_at == NOW + timedelta(hours=5), "the last of them"


def test_overrides_stand_in_the_order_of_precedence() -> None:
    known: tuple[OverrideChanged, ...] = (
        override(id=1),
        override(id=2, decision="BLOCK", change_class="feature"),
        override(id=3, version="1.0", decision="WARN"),
        override(id=4, version="1.1"),
    )
    verdicts = evaluate(policy(), inputs(overrides=known)).verdicts
    features = [v.override_id for v in verdicts if v.change_class == "feature"]
    assert features == [4, 3, 2, 1, None]
    assert [v.override_id for v in verdicts if v.change_class == "fix"] == [4, 3, 1, None]
    assert [v.override_id is None for v in verdicts] == sorted(
        v.override_id is None for v in verdicts
    )


def test_an_override_says_who_and_until_when() -> None:
    said = {"on_behalf_of": "ana", "approver": "key/boris", "approved_on_behalf_of": "the owner"}
    given = inputs(overrides=(override(actor="key/ana", **said),))
    message = evaluate(policy(), given).verdicts[0].reasons[0].message
    assert message == (
        "key/ana, approved by key/boris on behalf of the owner, overrides until "
        "2026-11-23 07:30 UTC: hotfix for the payment outage"
    )
    assert next_look(policy(), given) == NOW + timedelta(seconds=25)


def test_a_new_owner_does_not_vouch_for_what_the_former_one_said() -> None:
    """The owner of epoch 2 lives, but has said nothing of this service."""
    old = snapshot(at=NOW - timedelta(seconds=24), epoch=1)
    alive = ShardSign(2, NOW, NOW)
    assert feature(policy(), inputs(snapshot=old, sign=alive)).decision == "ALLOW"
    older = snapshot(at=NOW - timedelta(seconds=25), epoch=1)
    assert codes(feature(policy(), inputs(snapshot=older, sign=alive))) == ["shard_silent"]


def test_the_data_are_as_old_as_the_last_sign_of_their_owner() -> None:
    old = snapshot(at=NOW - timedelta(seconds=20))
    beat = ShardSign(1, NOW, NOW - timedelta(seconds=2))
    assert evaluate(policy(), inputs(snapshot=old, sign=beat)).data_at == beat.applied_through
    foreign = ShardSign(2, NOW, NOW)
    assert evaluate(policy(), inputs(snapshot=old, sign=foreign)).data_at == old.applied_through
