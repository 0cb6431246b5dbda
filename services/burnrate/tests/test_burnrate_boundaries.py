"""Risk levels at 1.0, 1.5 and 2.0 and next to them, with windows that burn at different rates."""

from fractions import Fraction

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from burnrate.domain.objectives import Target
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.reference.shard_checks import evaluate, target
from tests.support.servers.effort import examples

OBJECTIVES = ("0.5", "0.9", "0.95", "0.99", "0.999", "0.9995", "0.9999", "0.99999")
BELOW_AT_ABOVE = {
    Fraction(1): (RiskLevel.SAFE, RiskLevel.OBSERVE, RiskLevel.OBSERVE),
    Fraction(3, 2): (RiskLevel.OBSERVE, RiskLevel.DANGER, RiskLevel.DANGER),
    Fraction(2): (RiskLevel.DANGER, RiskLevel.DANGER, RiskLevel.FREEZE),
}
LIMIT = 2**53


def unguarded(objective: str = "0.999") -> Target:
    """Return a target whose level never rests on a least number of bad events."""
    return target(objective, min_bad_events=0)


def level(objective: str, sums: dict[str, tuple[int, int]]) -> RiskLevel:
    return evaluate(unguarded(objective), sums).risk_level


@pytest.mark.parametrize(
    ("short", "hour", "day", "at"),
    [
        ((10_000, 10), (10_000, 30), (10_000, 22), 2),  # 0.4 x 1 + 0.35 x 3 + 0.25 x 2.2
        ((1000, 2), (1000, 2), (1000, 2), 2),
        ((0, 0), (0, 0), (1000, 8), 2),  # only the day has traffic
        ((1000, 5), (0, 0), (0, 0), 2),
        ((3000, 9), (7000, 2), (1000, 0), 1.3),
        ((2000, 5), (10_000, 0), (1000, 2), 1.5),
        ((0, 0), (7000, 30), (0, 0), 1.5),
        ((1000, 0), (7000, 20), (30_000, 0), 1),
        ((1000, 1), (1000, 1), (1000, 1), 1),
    ],
)
def test_hand_worked_boundaries(
    short: tuple[int, int], hour: tuple[int, int], day: tuple[int, int], at: float
) -> None:
    found = evaluate(unguarded(), {"5m": short, "1h": hour, "24h": day})
    assert found.composite_burn_rate == pytest.approx(at, rel=1e-12)
    expected = {1: RiskLevel.OBSERVE, 1.3: RiskLevel.OBSERVE}.get(at, RiskLevel.DANGER)
    assert found.risk_level is expected


@settings(max_examples=examples(80))
@given(
    st.sampled_from(sorted(BELOW_AT_ABOVE)),
    st.sampled_from(OBJECTIVES),
    st.tuples(st.integers(0, 10**5), st.integers(0, 10**5)),
    st.tuples(st.integers(0, 10**5), st.integers(0, 10**5)),
    st.sampled_from((1, 10, 10**6)),
)
@example(Fraction(2), "0.999", (10_000, 10), (10_000, 30), 10**6)
@example(Fraction(2), "0.9", (0, 0), (0, 0), 1)
def test_one_bad_event_decides_at_each_boundary(
    boundary: Fraction,
    objective: str,
    short: tuple[int, int],
    hour: tuple[int, int],
    scale: int,
) -> None:
    """The day's counts are chosen so that the composite lies on the boundary exactly."""
    allowed = 1 - Fraction(objective)
    # neither burns faster than the boundary, so that the day always has something left to burn
    short, hour = ((t, min(b, int(t * allowed * boundary))) for t, b in (short, hour))
    spent = [Fraction(b, t) / allowed if t else Fraction(0) for t, b in (short, hour)]
    left = boundary - Fraction(2, 5) * spent[0] - Fraction(7, 20) * spent[1]
    ratio = left * 4 * allowed
    assume(ratio < 1)
    scale = scale if ratio.denominator * scale < LIMIT else 1
    total, bad = ratio.denominator * scale, ratio.numerator * scale
    assume(total < LIMIT)
    found = [
        level(objective, {"5m": short, "1h": hour, "24h": (total, bad + step)})
        for step in (-1, 0, 1)
    ]
    below, at, above = BELOW_AT_ABOVE[boundary]
    assert found[1] is at
    # where the day has few requests, one of them may be more than a whole level
    if Fraction(1, total) / allowed / 4 < Fraction(1, 2):
        assert (found[0], found[2]) == (below, above)


@settings(max_examples=examples(200))
@given(st.sampled_from(OBJECTIVES), st.lists(st.integers(0, 2000), min_size=6, max_size=6))
def test_level_and_figures_equal_exact_fractions(objective: str, numbers: list[int]) -> None:
    pairs = [(max(a, b), min(a, b)) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    sums = dict(zip(("5m", "1h", "24h"), pairs, strict=True))
    allowed = 1 - Fraction(objective)
    rates = [Fraction(bad, total) / allowed if total else Fraction(0) for total, bad in pairs]
    exact = (40 * rates[0] + 35 * rates[1] + 25 * rates[2]) / 100
    expected = RiskLevel.FREEZE
    if exact <= 2:
        expected = RiskLevel.DANGER
    if exact < Fraction(3, 2):
        expected = RiskLevel.OBSERVE
    if exact < 1:
        expected = RiskLevel.SAFE
    found = evaluate(unguarded(objective), sums)
    assert found.risk_level is expected
    assert found.composite_burn_rate == pytest.approx(float(exact), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("status", list(DataStatus))
def test_without_counts_nothing_burns_and_the_status_says_why(status: DataStatus) -> None:
    found = evaluate(target(), {}, status=status)
    assert (found.composite_burn_rate, found.error_budget_consumed) == (0, 0)
    assert (found.error_budget_remaining, found.risk_level) == (1, RiskLevel.SAFE)
    assert found.data_status is not DataStatus.OK
