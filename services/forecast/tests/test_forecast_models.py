"""The models against closed forms, and against windows summed bucket by bucket."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.arrays import Floats
from forecast.domain.models import (
    Line,
    RollingBudget,
    fit_line,
    linear_regression,
    predict_linear,
    recovery,
    roll_off,
    window_over_burn_rate,
)

MONTH = 720.0


def test_a_straight_line_is_found_exactly() -> None:
    hours = np.linspace(-23.75, -0.25, 48)
    line = fit_line(hours, 2 + 0.25 * hours, np.ones(48))
    assert line.level == pytest.approx(2)
    assert line.slope_per_hour == pytest.approx(0.25)
    assert line.fit_ratio == pytest.approx(1)
    assert line.slope_error == pytest.approx(0, abs=1e-9)
    assert line.mean == pytest.approx(2 - 0.25 * 12)
    assert line.points == 48


def test_the_line_is_that_of_numpy_with_weights_and_errors() -> None:
    random = np.random.default_rng(1)
    hours, rates = np.arange(-24.0, 0), random.uniform(0, 5, 24)
    line = fit_line(hours, rates, np.ones(24))
    (slope, level), covariance = np.polyfit(hours, rates, 1, cov=True)
    assert line.slope_per_hour == pytest.approx(slope)
    assert line.level == pytest.approx(level)
    assert line.slope_error == pytest.approx(math.sqrt(covariance[0, 0]))
    weights = random.uniform(1, 100, 24)
    slope, level = np.polyfit(hours, rates, 1, w=np.sqrt(weights))
    line = fit_line(hours, rates, weights)
    assert line.slope_per_hour == pytest.approx(slope)
    assert line.level == pytest.approx(level)


def test_points_without_requests_are_left_out() -> None:
    hours, rates = np.array([-3.0, -2.0, -1.0]), np.array([1.0, 99.0, 1.0])
    line = fit_line(hours, rates, np.array([5.0, 0.0, 5.0]))
    assert (line.mean, line.slope_per_hour, line.points) == (1, 0, 2)
    assert not line.scatter_known
    assert fit_line(hours, rates, np.zeros(3)) == Line()


@pytest.mark.parametrize(
    ("level", "slope", "remaining", "expected"),
    [
        (2.0, 0.0, 0.5, 180.0),  # half a month at twice the rate
        (0.0, 0.1, 0.5, math.sqrt(2 * 0.5 * MONTH / 0.1)),
        (1.0, 0.1, 0.5, (-1 + math.sqrt(1 + 0.2 * 0.5 * MONTH)) / 0.1),
        (2.0, -0.001, 0.5, (2 - math.sqrt(4 - 0.002 * 0.5 * MONTH)) / 0.001),
        (2.0, -0.1, 0.5, None),  # reaches zero with 20 hours' worth spent
        (0.6, 0.0, 0.9, None),  # a month is not enough
        (0.0, 0.0, 0.5, None),
        (-1.0, 0.0, 0.5, None),
        (1.0, 0.0, 1.0, MONTH),  # the edge belongs to the window
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, -0.5, 0.0),
    ],
)
def test_the_documented_model(
    level: float, slope: float, remaining: float, expected: float | None
) -> None:
    line = Line(mean=level, slope_per_hour=slope)
    found = linear_regression(line, remaining, MONTH)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("burn_rate", "expected"), [(2.0, 360.0), (1.0, MONTH), (0.99, None), (0.0, None)]
)
def test_window_over_burn_rate(burn_rate: float, expected: float | None) -> None:
    assert window_over_burn_rate(burn_rate, MONTH) == expected


@pytest.mark.parametrize(
    ("remaining", "expected"),
    [
        ([0.8, 0.7, 0.6], 6.0),
        ([0.5, 0.5, 0.5], None),
        ([0.5, 0.6, 0.7], None),
        ([0.5, 0.4999, 0.4998], None),  # five thousand hours
        ([0.1, 0.0, -0.1], 0.0),
        ([], None),
    ],
)
def test_predict_linear(remaining: list[float], expected: float | None) -> None:
    hours = np.arange(-len(remaining) + 1, 1.0)
    found = predict_linear(hours, np.array(remaining), MONTH)
    assert found == (None if expected is None else pytest.approx(expected))


@dataclass(frozen=True, slots=True)
class Raw:
    """Hours of the past, the last of them not over, and what comes: requests and burn rates."""

    window: int
    total: list[float]
    bad: list[float]
    allowed: float
    elapsed: float
    requests: list[float]
    burn_rates: list[float]

    def budget(self) -> RollingBudget:
        total, bad = np.array(self.total), np.array(self.bad)
        own = slice(-self.window, None)
        over = bad[own].sum() / self.allowed - total[own].sum()
        leaving = bad[own] / self.allowed - total[own]
        return RollingBudget(over, leaving, 1 - self.elapsed, np.array(self.requests))

    def overspent_at(self, hours: float) -> float:
        """Return bad / allowed - total, every bucket of the window summed anew."""
        total, bad = [*self.total, *[0.0] * (self.window + 1)], [*self.bad]
        bad += [0.0] * (self.window + 1)
        present = len(self.total) - 1
        left, place, at = hours, 0, self.elapsed
        while left > 0:  # fill the hours that have come by then
            step = min(left, 1 - at) if place == 0 else min(left, 1.0)
            came = self.requests[place] * step
            total[present + place] += came
            bad[present + place] += came * self.burn_rates[place] * self.allowed
            left, place = left - step, place + 1
        anchor = present + max(0, math.ceil(round(self.elapsed + hours, 9)) - 1)
        first = anchor - self.window + 1
        return sum(bad[first : anchor + 1]) / self.allowed - sum(total[first : anchor + 1])


@st.composite
def raws(draw: st.DrawFn) -> Raw:
    window = draw(st.integers(2, 12))
    counts = st.integers(0, 40)
    total = draw(st.lists(counts, min_size=window, max_size=window + 3))
    bad = [float(draw(st.integers(0, min(n, 12)))) for n in total]
    elapsed = draw(st.sampled_from([0.25, 0.5, 1.0]))
    some = st.lists(counts, min_size=window + 1, max_size=window + 1)
    rates = st.lists(
        st.sampled_from([0.0, 0.5, 1.0, 2.0, 8.0]), min_size=window + 1, max_size=window + 1
    )
    return Raw(
        window, [float(n) for n in total], bad, draw(st.sampled_from([0.05, 0.25])), elapsed,
        [float(n) for n in draw(some)], draw(rates),
    )  # fmt: skip


STEP = 1 / 64  # hours; every full hour is a step


def brute(raw: Raw, *, spent: bool) -> float | None:
    """Return the first step at which the budget is spent, or is not."""
    for step in range(int(raw.window / STEP) + 1):
        over = raw.overspent_at(step * STEP)
        if (over > 1e-7) == spent:
            return step * STEP
    return None


@given(raws())
def test_roll_off_is_what_windows_summed_anew_give(raw: Raw) -> None:
    [found] = roll_off(raw.budget(), np.array([raw.burn_rates]), raw.window)
    expected = brute(raw, spent=True)
    if found is None or expected is None:
        assert found is expected is None or near_the_end(raw, found, expected)
        return
    assert expected - STEP - 1e-6 <= found <= expected + 1e-6


@given(raws())
def test_recovery_is_what_windows_summed_anew_give(raw: Raw) -> None:
    [found] = recovery(raw.budget(), np.array([raw.burn_rates]), raw.window)
    if found is not None:
        after = min(raw.window, found + 1e-6)
        assert min(raw.overspent_at(found), raw.overspent_at(after)) < 1e-3
        earlier = [s * STEP for s in range(int(found / STEP)) if s * STEP < found - STEP]
        assert all(raw.overspent_at(at) >= -1e-6 for at in earlier)
    else:
        steps = range(int(raw.window / STEP) + 1)
        assert all(raw.overspent_at(step * STEP) >= -1e-6 for step in steps)


def near_the_end(raw: Raw, found: float | None, expected: float | None) -> bool:
    """Tell whether one of the two lies on the window's very end."""
    known = [at for at in (found, expected) if at is not None]
    return all(at >= raw.window - STEP for at in known)


@given(raws(), st.floats(1, 5))
def test_more_errors_never_spend_a_budget_later(raw: Raw, factor: float) -> None:
    rates: Floats = np.array([raw.burn_rates])
    both = np.vstack([rates, rates * factor])
    less, more = roll_off(raw.budget(), both, raw.window)
    assert less is None or (more is not None and more <= less + 1e-9)
    sooner, later = recovery(raw.budget(), both, raw.window)
    assert later is None or (sooner is not None and sooner <= later + 1e-9)


def test_an_old_outage_gives_its_budget_back_before_it_is_spent() -> None:
    # 100 requests an hour, all of the budget of 30 days but a tenth spent in one hour long ago
    leaving = np.full(720, -100.0)
    leaving[99] += 0.9 * 72_000  # leaves in a hundred hours
    requests = np.full(721, 100.0)
    budget = RollingBudget(float(leaving.sum()), leaving, 0.5, requests)
    faster, slower = roll_off(budget, np.vstack([np.full(721, 1.5), np.full(721, 0.6)]), MONTH)
    # 7 200 are left; half of it, then 1.5 times: 150 come and 100 go each hour, as budget 150
    assert faster == pytest.approx(7200 / 150, abs=1.0)
    assert slower is None
