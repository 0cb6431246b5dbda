"""Burn rates, levels and budgets by hand, and against exact fractions at the boundaries."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common.slo.arithmetic import (
    WEIGHTS,
    allowed_ratio,
    bad_events_allowed,
    burn_rate,
    burn_rates,
    composite_burn_rate,
    composite_burn_rates,
    error_budget_consumed,
    error_budget_remaining,
    exact_composite,
)
from common.slo.risk import cap_risk_level, risk_level
from common.slo.vocabulary import RiskLevel
from common.slo.windows import pair_rules

OBJECTIVES = [Decimal(text) for text in ("0.99", "0.999", "0.9995", "0.95", "0.9", "0.5", "0.9999")]
BOUNDARIES = [Fraction(1), Fraction(3, 2), Fraction(2)]
Counts = Sequence[tuple[int, int]]  # (bad, total) of 5 m, 1 h, 24 h


def level_in_fractions(counts: Counts, objective: Decimal) -> RiskLevel:
    """The contract's table, decided without a single float."""
    weights = (Fraction(2, 5), Fraction(7, 20), Fraction(1, 4))
    shares = [Fraction(bad, total) if total else Fraction(0) for bad, total in counts]
    spent = sum((w * s for w, s in zip(weights, shares, strict=True)), Fraction(0))
    composite = spent / (1 - Fraction(objective))
    if composite < 1:
        return RiskLevel.SAFE
    if composite < Fraction(3, 2):
        return RiskLevel.OBSERVE
    return RiskLevel.DANGER if composite <= 2 else RiskLevel.FREEZE


def level(counts: Counts, objective: Decimal) -> RiskLevel:
    rates = [burn_rate(bad, total, objective) for bad, total in counts]
    return risk_level(composite_burn_rate(rates), counts, objective)


@pytest.mark.parametrize(
    ("bad", "total", "objective", "rate"),
    [
        (0, 0, "0.999", 0.0),
        (0, 1000, "0.999", 0.0),
        (1, 1000, "0.999", 1.0),
        (2, 1000, "0.999", 2.0),
        (1000, 1000, "0.999", 1000.0),
        (1, 100, "0.99", 1.0),
        (3, 200, "0.99", 1.5),
        (1, 2000, "0.9995", 1.0),
        (1, 10, "0.5", 0.2),
        (1167, 285_225, "0.999", 4.091507),
    ],
)
def test_burn_rate_by_hand(bad: int, total: int, objective: str, rate: float) -> None:
    assert burn_rate(bad, total, Decimal(objective)) == pytest.approx(rate, rel=1e-7)
    arrays = burn_rates(np.array([bad]), np.array([total]), Decimal(objective))
    assert arrays == pytest.approx([rate], rel=1e-7)


def test_error_budget_by_hand() -> None:
    consumed = error_budget_consumed(1167, 285_225, Decimal("0.999"))
    assert consumed == pytest.approx(1167 / 285.225)
    assert round(consumed, 4) == 4.0915
    assert round(1 - consumed, 4) == -3.0915
    assert error_budget_consumed(0, 0, Decimal("0.999")) == 0


def test_composite_by_hand() -> None:
    assert sum(WEIGHTS) == 1
    assert composite_burn_rate([10, 2, 1]) == pytest.approx(4 + 0.7 + 0.25)
    columns = [np.array([10.0, 0.0]), np.array([2.0, 0.0]), np.array([1.0, 4.0])]
    assert composite_burn_rates(*columns) == pytest.approx([4.95, 1.0])


MIXED = [
    # the composite is exactly 1, 1.5, 2 though no window burns at that rate
    ("0.999", [(20, 10_000), (80, 140_000), (0, 1_000)], "1", RiskLevel.OBSERVE),
    ("0.999", [(25, 10_000), (10, 7_000), (0, 1_000)], "1.5", RiskLevel.DANGER),
    ("0.99", [(500, 10_000), (0, 5_000), (0, 90)], "2", RiskLevel.DANGER),
    ("0.99", [(0, 10), (0, 5_000), (400, 5_000)], "2", RiskLevel.DANGER),
    ("0.9995", [(1, 2_000), (1, 2_000), (1, 2_000)], "1", RiskLevel.OBSERVE),
    ("0.9995", [(3, 4_000), (3, 4_000), (3, 4_000)], "1.5", RiskLevel.DANGER),
    ("0.9995", [(1, 1_000), (7, 7_000), (3, 3_000)], "2", RiskLevel.DANGER),
]


@pytest.mark.parametrize(("objective", "counts", "composite", "expected"), MIXED)
def test_level_exactly_on_a_boundary_and_one_event_beside_it(
    objective: str, counts: list[tuple[int, int]], composite: str, expected: RiskLevel
) -> None:
    ratio = Decimal(objective)
    assert exact_composite(counts, ratio) == Fraction(composite)
    assert level(counts, ratio) is expected
    window = max(range(3), key=lambda i: counts[i][0])
    bad, total = counts[window]
    milder = RiskLevel.SAFE if composite == "1" else RiskLevel.OBSERVE
    above = RiskLevel.FREEZE if composite == "2" else expected
    fewer = [*counts[:window], (bad - 1, total), *counts[window + 1 :]]
    more = [*counts[:window], (bad + 1, total), *counts[window + 1 :]]
    assert level(fewer, ratio) is (RiskLevel.DANGER if composite == "2" else milder)
    assert level(more, ratio) is above


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_traffic_is_safe(objective: Decimal) -> None:
    assert level([(0, 0)] * 3, objective) is RiskLevel.SAFE
    assert burn_rates(np.array([0]), np.array([0]), objective).tolist() == [0.0]


@st.composite
def some_counts(draw: st.DrawFn) -> list[tuple[int, int]]:
    totals = draw(st.lists(st.integers(0, 2**40), min_size=3, max_size=3))
    return [(draw(st.integers(0, min(total, 10_000))), total) for total in totals]


@st.composite
def counts_on_a_boundary(draw: st.DrawFn) -> tuple[list[tuple[int, int]], Decimal, Fraction]:
    """Two windows at will, the third such that the composite is the boundary to the last digit."""
    objective, boundary = draw(st.sampled_from(OBJECTIVES)), draw(st.sampled_from(BOUNDARIES))
    allowed = 1 - Fraction(objective)
    counts = []
    for _ in range(2):
        total = draw(st.integers(1, 100_000))
        counts.append((draw(st.integers(0, max(0, int(total * allowed)))), total))
    others = sum((w * Fraction(*c) for w, c in zip(WEIGHTS, counts, strict=False)), Fraction(0))
    share = (boundary * allowed - others) / WEIGHTS[2]
    assume(0 < share < 1)
    scale = draw(st.integers(1, 1_000))
    counts.append((share.numerator * scale, share.denominator * scale))
    return counts, objective, boundary


@given(some_counts(), st.sampled_from(OBJECTIVES))
def test_level_equals_the_level_in_fractions(
    counts: list[tuple[int, int]], objective: Decimal
) -> None:
    assert level(counts, objective) is level_in_fractions(counts, objective)


@given(counts_on_a_boundary(), st.sampled_from([-1, 0, 1]))
def test_level_on_and_beside_a_boundary_equals_the_level_in_fractions(
    case: tuple[list[tuple[int, int]], Decimal, Fraction], beside: int
) -> None:
    counts, objective, boundary = case
    assert exact_composite(counts, objective) == boundary
    bad, total = counts[2]
    moved = [*counts[:2], (bad + beside, total)]
    assert level(moved, objective) is level_in_fractions(moved, objective)


def test_floats_alone_would_err_on_boundaries() -> None:
    """Why the fractions are there: without them some exact cases fall on the wrong side."""
    wrong = 0
    for total in range(1_000, 60_000, 1_000):
        for bad in range(total // 1_000 + 1):
            share = (Fraction(1, 1_000) - Fraction(3, 4) * Fraction(bad, total)) * 4
            counts = [(bad, total), (bad, total), (share.numerator, share.denominator)]
            rates = [burn_rate(*c, Decimal("0.999")) for c in counts]
            wrong += composite_burn_rate(rates) < 1
            assert level(counts, Decimal("0.999")) is RiskLevel.OBSERVE
    assert wrong > 10


@given(some_counts(), st.sampled_from(OBJECTIVES))
def test_arrays_and_single_values_agree(counts: list[tuple[int, int]], objective: Decimal) -> None:
    bad, total = (np.array(column) for column in zip(*counts, strict=True))
    assert burn_rates(bad, total, objective).tolist() == [burn_rate(*c, objective) for c in counts]


@pytest.mark.parametrize(
    ("given_level", "bad_events", "least", "expected"),
    [
        (RiskLevel.FREEZE, 0, 1, RiskLevel.OBSERVE),
        (RiskLevel.DANGER, 9, 10, RiskLevel.OBSERVE),
        (RiskLevel.DANGER, 10, 10, RiskLevel.DANGER),
        (RiskLevel.OBSERVE, 0, 10, RiskLevel.OBSERVE),
        (RiskLevel.SAFE, 0, 10, RiskLevel.SAFE),
    ],
)
def test_thin_evidence_caps_the_level(
    given_level: RiskLevel, bad_events: int, least: int, expected: RiskLevel
) -> None:
    assert cap_risk_level(given_level, bad_events, least) is expected


@pytest.mark.parametrize(
    ("window_days", "thresholds"),
    [
        (30, [14.4, 6, 3, 1]),
        (7, [3.36, 1.4, 0.7, 0.7 / 3]),
        (14, [6.72, 2.8, 1.4, 1.4 / 3]),
        (28, [13.44, 5.6, 2.8, 2.8 / 3]),
        (90, [43.2, 18, 9, 3]),
    ],
)
def test_pair_thresholds(window_days: int, thresholds: list[float]) -> None:
    rules = pair_rules(Decimal("0.999"), window_days)
    assert [rule.threshold for rule in rules] == pytest.approx(thresholds)
    hours = [(rule.long_seconds / 3600, rule.short_seconds / 3600) for rule in rules]
    assert hours == [(1, 1 / 12), (6, 0.5), (24, 2), (72, 6)]


@pytest.mark.parametrize(
    ("objective", "window_days", "longest_windows"),
    [
        ("0.9", 30, [6, 24, 72]),  # total failure burns at 10, below 14.4
        ("0.8", 30, [24, 72]),  # at 5
        ("0.5", 30, [72]),  # at 2
        ("0.95", 90, [6, 24, 72]),  # at 20
        ("0.75", 7, [1, 6, 24, 72]),  # at 4, above 3.36
    ],
)
def test_pairs_that_total_failure_cannot_reach_are_left_out(
    objective: str, window_days: int, longest_windows: list[int]
) -> None:
    rules = pair_rules(Decimal(objective), window_days)
    assert [rule.long_seconds / 3600 for rule in rules] == longest_windows


@st.composite
def budgets(draw: st.DrawFn) -> tuple[int, int, Decimal]:
    """Draw bad, total and an objective of up to twelve digits, often with a round share left."""
    digits = draw(st.integers(1, 12))
    objective = Decimal(draw(st.integers(10**digits // 2, 10**digits - 1))).scaleb(-digits)
    total = draw(st.integers(1, 2000) | st.integers(1, 2**53 - 1))
    allowed = int(total * (1 - Fraction(objective)))
    shares = [allowed * n // d for n, d in ((0, 1), (1, 1), (9, 10), (3, 4), (999, 1000), (2, 1))]
    near = st.sampled_from(shares).flatmap(lambda n: st.sampled_from((n - 1, n, n + 1)))
    bad = draw(near | st.integers(0, total))
    return min(max(bad, 0), total), total, objective


THRESHOLDS = [
    Decimal(text) for text in ("0", "0.05", "0.1", "0.25", "0.5", "1", "1.8", "6", "14.4")
]


@given(budgets())
def test_a_figure_is_on_the_side_of_a_threshold_on_which_its_fraction_is(
    drawn: tuple[int, int, Decimal],
) -> None:
    bad, total, objective = drawn
    exact = Fraction(bad, total) / (1 - Fraction(objective))
    rate = burn_rate(bad, total, objective)
    left = error_budget_remaining(bad, total, objective)
    assert (rate, left) == (float(exact), float(1 - exact))
    assert burn_rates(np.array([bad]), np.array([total]), objective).tolist() == [rate]
    # what is read from an event is the same objective
    assert burn_rate(bad, total, float(objective)) == rate
    for threshold in THRESHOLDS:
        assert (rate > float(threshold)) == (exact > Fraction(threshold))
        assert (left <= float(threshold)) == (1 - exact <= Fraction(threshold))
    allowed = bad_events_allowed(total, objective)
    assert allowed <= total * (1 - Fraction(objective)) < allowed + 1
    assert (left < 0) == (bad > allowed)


@pytest.mark.parametrize(
    ("total", "bad", "objective", "left"),
    [
        (10_000, 9, "0.999", 0.1),
        (40_000, 3, "0.9999", 0.25),
        (10_000, 10, "0.999", 0.0),
        (700, 1, "0.999", -0.42857142857142855),
        (0, 0, "0.999", 1.0),
    ],
)
def test_exactly_so_much_is_left(total: int, bad: int, objective: str, left: float) -> None:
    assert error_budget_remaining(bad, total, Decimal(objective)) == left
    assert error_budget_remaining(bad, total, float(objective)) == left


@pytest.mark.parametrize(
    ("total", "objective", "allowed"),
    [(10**8, 0.9995, 50_000), (10**8, 0.9999, 10_000), (999, 0.999, 0), (1000, 0.999, 1)],
)
def test_requests_allow_so_many_failures(total: int, objective: float, allowed: int) -> None:
    assert bad_events_allowed(total, objective) == allowed
    assert allowed_ratio(objective) == 1 - Fraction(str(objective))


@pytest.mark.parametrize("objective", [5e-324, 1e-300, 1 - 2**-53])
def test_an_objective_of_any_float_has_burn_rates(objective: float) -> None:
    rates = burn_rates(np.array([0, 1, 10]), np.array([0, 10, 10]), objective)
    allowed = 1 - Fraction(repr(objective))
    assert rates.tolist() == [0, float(Fraction(1, 10) / allowed), float(1 / allowed)]
