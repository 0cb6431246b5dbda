"""When a budget is spent: one function for each model. Pure.

Time is in hours from now, burn rates are multiples of 1 (1 spends the budget in exactly the SLO
window), budgets are ratios. Every model returns hours, or None where it sees no exhaustion within
the SLO window: never infinity, never a number that stands for never.
"""

import math
from dataclasses import dataclass

import numpy as np

from common.arrays import Flags, Floats

LINEAR_REGRESSION = "linear_regression"
ROLL_OFF = "roll_off"
ROLL_OFF_LAST_HOUR = "roll_off_last_hour"
WINDOW_OVER_BURN_RATE = "window_over_burn_rate"
PREDICT_LINEAR = "predict_linear"

_FEWEST_FOR_SCATTER = 3  # a line through two points leaves nothing over
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through a burn-rate series; `level` is its value now.

    `mean` is the points' weighted mean, which the line passes `mean_age_hours` ago. `slope_error`
    is the standard error of the slope, `scatter` the spread of the points about the line (both 0
    with fewer than three points), `fit_ratio` the share of their variance that it explains.
    """

    mean: float = 0.0
    mean_age_hours: float = 0.0
    slope_per_hour: float = 0.0
    slope_error: float = 0.0
    scatter: float = 0.0
    fit_ratio: float = 0.0
    points: int = 0

    @property
    def level(self) -> float:
        """Return the line's value now."""
        return self.mean + self.slope_per_hour * self.mean_age_hours

    @property
    def scatter_known(self) -> bool:
        """Return whether there are points enough to know how far they lie from a line."""
        return self.points >= _FEWEST_FOR_SCATTER


def fit_line(hours: Floats, rates: Floats, weights: Floats) -> Line:
    """Return the weighted least squares line through (hours, rates); `hours` are negative.

    Points of weight 0 are left out. Textbook formulas, such as in Draper and Smith, Applied
    Regression Analysis, chapters 1 and 9.
    """
    used = weights > 0
    x, y, w = hours[used], rates[used], weights[used]
    points = len(x)
    if not points:
        return Line()
    w = w / w.sum()
    x_mean, y_mean = float(w @ x), float(w @ y)
    x_spread = float(w @ (x - x_mean) ** 2)
    y_spread = float(w @ (y - y_mean) ** 2)
    slope = float(w @ ((x - x_mean) * (y - y_mean))) / x_spread if x_spread else 0.0
    if y_spread <= (_ROUNDING * y_mean) ** 2:
        slope = y_spread = 0.0  # all the same but for rounding
    left = max(0.0, y_spread - slope * slope * x_spread)
    scatter, error = 0.0, 0.0
    if points >= _FEWEST_FOR_SCATTER:
        effective = 1 / float(w @ w)
        freedom = max(1.0, effective - 2)
        scatter = math.sqrt(left * effective / freedom)
        error = scatter / math.sqrt(x_spread * effective) if x_spread else 0.0
    fit = 1 - left / y_spread if y_spread else 0.0
    return Line(y_mean, -x_mean, slope, error, scatter, min(1.0, max(0.0, fit)), points)


def linear_regression(line: Line, remaining_ratio: float, window_hours: float) -> float | None:
    """Return when the line's area has spent what is left: the documented model.

    Solves level * t + slope * t^2 / 2 = remaining * window for the first t >= 0. Nothing rolls
    off, and the line is followed as far as it goes.
    """
    if remaining_ratio <= 0:
        return 0.0
    return _within(_first_root(line, remaining_ratio * window_hours), window_hours)


def _first_root(line: Line, area: float) -> float | None:
    level, half = line.level, line.slope_per_hour / 2
    under_root = level * level + 4 * half * area
    if under_root < 0:
        return None  # a falling line that reaches 0 before the budget is spent
    denominator = level + math.sqrt(under_root)
    return 2 * area / denominator if denominator > 0 else None


def window_over_burn_rate(burn_rate: float, window_hours: float) -> float | None:
    """Return the SLO window divided by the burn rate, which takes the whole budget as left."""
    return _within(window_hours / burn_rate, window_hours) if burn_rate > 0 else None


def predict_linear(hours: Floats, remaining: Floats, window_hours: float) -> float | None:
    """Return when the budget's own line meets zero, as Prometheus' predict_linear has it.

    Ordinary least squares through samples of the budget left (`hours` are negative), extrapolated
    from the line's value now: https://prometheus.io/docs/prometheus/latest/querying/functions/.
    """
    if not len(hours):
        return None
    line = fit_line(hours, remaining, np.ones(len(hours)))
    if line.level <= 0:
        return 0.0
    if line.slope_per_hour >= 0:
        return None
    return _within(line.level / -line.slope_per_hour, window_hours)


@dataclass(frozen=True, slots=True)
class RollingBudget:
    """What is in the SLO window now, and what leaves it, hour by hour.

    `overspent` is bad / allowed_ratio - total: the budget is spent above 0, and whole in a window
    that has become empty. `leaving` is the same of what goes at each full hour to come, the
    first of which is `first_hours` (0..1) away. `requests` is the traffic expected in each
    interval between these hours, per hour; there is one interval more than hours that leave.
    """

    overspent: float
    leaving: Floats
    first_hours: float
    requests: Floats


@dataclass(frozen=True, slots=True)
class _Course:
    """The overspent requests by case and interval: straight from `starts` to `ends`.

    `noise` is what the rounding of so large sums may come to.
    """

    begins: Floats
    lengths: Floats
    starts: Floats
    ends: Floats
    noise: float


def roll_off(budget: RollingBudget, burn_rates: Floats, window_hours: float) -> list[float | None]:
    """Return when the rolling budget is spent, for each row of future burn rates.

    `burn_rates` is [cases, intervals]. Within an interval requests and errors come evenly; at its
    end an hour leaves the window as a whole, as burnrate's SLO windows have it.
    """
    return drawn_roll_off(budget, (burn_rates - 1) * budget.requests, window_hours)


def drawn_roll_off(budget: RollingBudget, gains: Floats, window_hours: float) -> list[float | None]:
    """Return when the rolling budget is spent, for each row of overspent requests per hour.

    `gains` is [cases, intervals]: bad / allowed_ratio - total of each.
    """
    course = _course(budget, gains)
    spent = course.starts > course.noise, course.ends > course.noise
    return _first(course, *spent, window_hours)


def recovery(budget: RollingBudget, burn_rates: Floats, window_hours: float) -> list[float | None]:
    """Return when a spent budget is no longer spent, for each row of future burn rates."""
    course = _course(budget, (burn_rates - 1) * budget.requests)
    unspent = course.starts <= course.noise, course.ends <= course.noise
    return _first(course, *unspent, window_hours)


def interval_lengths(first_hours: float, intervals: int) -> Floats:
    """Return the length of each interval in hours: up to the next full hour, then an hour each."""
    lengths = np.ones(intervals)
    lengths[0] = first_hours
    return lengths


def _course(budget: RollingBudget, gains: Floats) -> _Course:
    lengths = interval_lengths(budget.first_hours, len(budget.requests))
    gained = gains * lengths
    left = np.concatenate(([0.0], np.cumsum(budget.leaving)))
    ends = budget.overspent - left + np.cumsum(gained, axis=1)
    ends[:, -1] -= gained[:, 0]  # the last hour to leave is this one, with what is still to come
    noise = _ROUNDING * (1 + len(left) * float(np.abs(budget.leaving).sum()))
    return _Course(np.cumsum(lengths) - lengths, lengths, ends - gained, ends, noise)


def _first(
    course: _Course, at_start: Flags, at_end: Flags, window_hours: float
) -> list[float | None]:
    """Return for each case when it first holds, at an interval's start or on the way to its end."""
    found: list[float | None] = []
    for case, holds in enumerate(at_start | at_end):
        if not holds.any():
            found.append(None)
            continue
        i = int(holds.argmax())
        start, end = float(course.starts[case, i]), float(course.ends[case, i])
        into = 0.0 if at_start[case, i] else min(1.0, max(0.0, start / (start - end)))
        found.append(_within(float(course.begins[i] + into * course.lengths[i]), window_hours))
    return found


def _within(hours: float | None, window_hours: float) -> float | None:
    return hours if hours is not None and 0 <= hours <= window_hours else None
