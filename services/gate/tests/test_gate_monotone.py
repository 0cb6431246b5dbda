"""More errors never turn a BLOCK into anything milder, whatever the policy and the inputs are."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.decisions.decision import Inputs, Previous, ShardSign, Standing
from common.decisions.evaluate import evaluate
from common.decisions.reasons import most_severe
from common.events import Decision, SloStatus
from common.policy.model import CHANGE_CLASSES, LEVELS, SEVERITY_ORDER, Policy
from common.slo.vocabulary import DataStatus
from tests.support.gate_inputs import NOW, Counts, inputs, objective, policy, snapshot
from tests.support.servers.effort import examples

WINDOWS = (300, 1800, 3600, 7200, 21_600, 86_400, 259_200, 2_592_000)
DECISIONS: st.SearchStrategy[Decision] = st.sampled_from(["ALLOW", "WARN", "BLOCK", "UNKNOWN"])
KNOWN = st.sampled_from(["ALLOW", "WARN", "BLOCK"])
STATUSES = st.sampled_from([*DataStatus])
RATIOS = st.sampled_from([Decimal(text) for text in ("0.5", "0.9", "0.99", "0.999", "0.99999")])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    by_class = [
        sorted(draw(st.tuples(*[KNOWN] * 4)), key=SEVERITY_ORDER.__getitem__) for _ in range(4)
    ]
    risk = {
        level: {change: by_class[i][place] for i, change in enumerate(CHANGE_CLASSES)}
        for place, level in enumerate(LEVELS)
    }
    return policy(
        risk=risk,
        budget_exhausted={change: draw(KNOWN) for change in CHANGE_CLASSES},
        no_traffic=draw(st.sampled_from(["UNKNOWN", "MEASURED"])),
        conditions={
            "burn_pair": draw(st.booleans()),
            "min_bad_events": draw(st.sampled_from([0, 1, 5, 100])),
        },
        hysteresis={
            "burn_rate_below": draw(st.none() | st.floats(0.1, 2)),
            "budget_remaining_above": draw(st.none() | st.floats(0, 0.9)),
            "min_block_minutes": draw(st.sampled_from([0, 1, 60])),
        },
    )


@st.composite
def fewer_and_more(draw: st.DrawFn) -> tuple[SloStatus, SloStatus]:
    """Give one objective before and after more of its events were bad, or more bad ones came."""
    counts: dict[int, Counts] = {}
    worse: dict[int, Counts] = {}
    bad = total = more = new = 0
    for window in WINDOWS:  # each holds the shorter ones
        total += draw(st.integers(0, 100_000))
        bad += draw(st.integers(0, total - bad))
        turned, came = draw(st.integers(0, total - bad)), draw(st.integers(0, 1_000))
        more, new = more + turned, new + came
        counts[window] = bad, total
        worse[window] = min(bad + more + new, total + new), total + new
    name, floor = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from([0, 1, 50]))
    common: dict[str, Any] = {
        "ratio": draw(RATIOS),
        "min_bad_events": floor,
        "status": draw(STATUSES),
    }
    first, second = (
        objective(
            name,
            short=found[300],
            hour=found[3600],
            day=found[86_400],
            slo=found[2_592_000],
            pairs=found,
            **common,
        )
        for found in (counts, worse)
    )
    return first, second


@st.composite
def states(draw: st.DrawFn) -> tuple[Policy, Inputs, Inputs]:
    rules, pairs = draw(policies()), draw(st.lists(fewer_and_more(), min_size=1, max_size=3))
    status, before = draw(STATUSES), draw(DECISIONS)
    previous = Previous(
        "before",
        draw(st.sampled_from([rules.policy_hash, "another"])),
        {
            change: Standing(before, NOW - timedelta(minutes=draw(st.integers(0, 90))))
            for change in CHANGE_CLASSES
        },
    )
    given: dict[str, Any] = {
        "tier": draw(st.sampled_from([1, 2, 3])),
        "sign": ShardSign(1, NOW - timedelta(seconds=draw(st.integers(0, 60))), NOW),
        "previous": draw(st.none() | st.just(previous)),
    }
    first, second = (
        inputs(snapshot=snapshot([pair[i] for pair in pairs], status=status), **given)
        for i in (0, 1)
    )
    return rules, first, second


@settings(max_examples=examples(150), deadline=None)
@given(states())
def test_more_errors_never_make_a_decision_milder(state: tuple[Policy, Inputs, Inputs]) -> None:
    rules, fewer, more = state
    before, after = evaluate(rules, fewer), evaluate(rules, more)
    for first, second in zip(before.verdicts, after.verdicts, strict=True):
        assert first.change_class == second.change_class
        assert SEVERITY_ORDER[second.decision] >= SEVERITY_ORDER[first.decision]


@settings(max_examples=examples(100), deadline=None)
@given(states())
def test_a_verdict_is_what_its_gravest_reason_says(state: tuple[Policy, Inputs, Inputs]) -> None:
    rules, given, _ = state
    outcome = evaluate(rules, given)
    assert [verdict.change_class for verdict in outcome.verdicts] == list(CHANGE_CLASSES)
    for verdict in outcome.verdicts:
        assert verdict.reasons
        assert verdict.decision == most_severe(verdict.reasons) == verdict.reasons[0].effect
        weights = [SEVERITY_ORDER[reason.effect] for reason in verdict.reasons]
        assert weights == sorted(weights, reverse=True)
        known = outcome.on_unknown if verdict.decision == "UNKNOWN" else verdict.decision
        assert verdict.allowed == (known != "BLOCK")


@settings(max_examples=examples(100), deadline=None)
@given(states(), STATUSES, st.integers(0, 100))
def test_knowing_less_never_lets_a_blocked_change_through(
    state: tuple[Policy, Inputs, Inputs], status: DataStatus, silent_seconds: int
) -> None:
    rules, given, _ = state
    assert given.snapshot is not None
    assert given.sign is not None
    blurred = inputs(
        tier=given.tier,
        previous=given.previous,
        snapshot=snapshot(given.snapshot.slos, status=status),
        sign=ShardSign(1, given.sign.heard_at - timedelta(seconds=silent_seconds), NOW),
    )
    for before, after in zip(
        evaluate(rules, given).verdicts, evaluate(rules, blurred).verdicts, strict=True
    ):
        if before.decision == "BLOCK":
            assert after.decision == "BLOCK"
        if after.decision == "UNKNOWN":
            assert before.decision in {"ALLOW", "WARN", "UNKNOWN"}
