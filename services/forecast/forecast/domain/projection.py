"""What is expected of the future: requests by the hour, and burn rates with their spread. Pure.

The parameters were chosen on simulated histories; `docs/forecast.md` has how well they do on
others, and `make backtest` measures it again.
"""

import math
from dataclasses import dataclass

import numpy as np

from common.arrays import Floats
from forecast.domain.models import Line, fit_line, interval_lengths

POINT_MINUTES = 30
SERIES_HOURS = 24
"""The regression sees one day in half hours: 48 points at most."""

SLOPE_SHRINKAGE = 9.0
"""A slope counts by 1 - 9 / t^2: nothing within three standard errors of zero."""

TREND_HOURS = 6.0
"""A trend flattens out: it moves the burn rate by its slope times this in the end."""

EXCESS_HOURS, LASTING_EXCESS_HOURS, ENDING_EXCESS_HOURS = 1.0, 4.0, 0.1
"""By when an excess of the last hour over the line has fallen to 1/e: expected, at worst, at best.

Outages that have just begun mostly end soon; the spread covers those that do not.
"""

_SPREAD = 0.21  # of the logarithm of the future burn rate, where all else is certain
_DISAGREEMENT_WEIGHT, _MOST_DISAGREEMENT = 1.35, 0.53
_MOST_SCATTER = 10.0  # more than one half hour with all errors of an even day has
_QUIET_BURN_RATE = 0.05  # below it, the last hour and the line do not disagree
_PROFILE_DAYS = 7
_DAY_HOURS = 24
_Z_TENTH = 1.2815515655446004  # the standard normal's 90th percentile


@dataclass(frozen=True, slots=True)
class Present:
    """What is known now: the line through the last day, the last hour, and the day's errors."""

    line: Line
    burn_rate_1h: float
    bad_24h: int


def burn_rate_line(minutes: Floats, allowed_ratio: float) -> Line:
    """Return the line through a day of burn rates, each half hour weighted by its requests.

    `minutes` is [total or bad, at least a day of minutes], the last of them the present one.
    """
    points = minutes[:, -SERIES_HOURS * 60 :].reshape(2, -1, POINT_MINUTES).sum(2)
    total, bad = points.astype(np.float64)
    ago = np.arange(len(total), 0, -1, dtype=np.float64) - 0.5
    rates = np.divide(bad, np.maximum(total, 1.0) * allowed_ratio, dtype=np.float64)
    return fit_line(-ago * (POINT_MINUTES / 60), rates, total)


def shrunk_slope(line: Line) -> float:
    """Return the slope per hour as far as it differs from none."""
    square = line.slope_per_hour * line.slope_per_hour
    if not square:
        return 0.0
    doubt = SLOPE_SHRINKAGE * line.slope_error * line.slope_error / square
    return line.slope_per_hour * max(0.0, 1 - doubt) if line.scatter_known else 0.0


def expected_requests(hours: Floats, last_hour_total: float, intervals: int) -> Floats:
    """Return requests per hour for the rest of this hour and each hour that follows.

    `hours` are requests by hour, the last of them not over yet. The hours of the day of the last
    week are taken as they were, on the average; where there is none yet, the last hour.
    """
    past = hours[:-1][-_PROFILE_DAYS * _DAY_HOURS :]
    seen = np.flatnonzero(past)
    profile = np.full(_DAY_HOURS, float(last_hour_total))
    if len(seen):
        known = past[seen[0] :]  # hours before the first report say nothing
        # place 0 of the day is the hour that holds now, a whole number of days after its likes
        place = np.arange(-len(known), 0) % _DAY_HOURS
        sums = np.bincount(place, known, _DAY_HOURS)
        counts = np.bincount(place, minlength=_DAY_HOURS)
        profile = np.where(counts > 0, sums / np.maximum(counts, 1), profile)
    return np.resize(profile, intervals)


def expected_burn_rates(present: Present, first_hours: float, intervals: int) -> Floats:
    """Return burn rates [worst in ten, expected, best in ten] by interval.

    The line's level, and its trend as far as it can be trusted, which flattens out; what the last
    hour lies above the line falls off. The worst and the best in ten lie a spread of the
    logarithm away, which grows with few errors, scatter, and where hour and line disagree.
    """
    lengths = interval_lengths(first_hours, intervals)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    slope = shrunk_slope(present.line)
    level = max(0.0, present.line.mean + slope * present.line.mean_age_hours)
    flat = 1 - np.exp(-(begins + ends) / 2 / TREND_HOURS)
    course = np.maximum(0.0, level + slope * TREND_HOURS * flat)
    excess = present.burn_rate_1h - level
    longest, shortest = LASTING_EXCESS_HOURS, ENDING_EXCESS_HOURS
    worst, best = (longest, shortest) if excess > 0 else (shortest, longest)
    spread = math.exp(_Z_TENTH * _spread(present, level))
    found = np.stack(
        [
            course + excess * _share_left(begins, lengths, hours)
            for hours in (worst, EXCESS_HOURS, best)
        ]
    )
    rates: Floats = np.maximum(0.0, found) * np.array([[spread], [1.0], [1 / spread]])
    return rates


def _share_left(begins: Floats, lengths: Floats, decay_hours: float) -> Floats:
    """Return the mean of exp(-t / decay) over each interval."""
    scaled = np.maximum(lengths, 1e-9) / decay_hours
    share: Floats = np.exp(-begins / decay_hours) * -np.expm1(-scaled) / scaled
    return share


def _spread(present: Present, level: float) -> float:
    """Return the standard deviation of the logarithm of the future burn rate."""
    line = present.line
    scatter = min(_MOST_SCATTER, line.scatter / line.mean) if line.mean else 0.0
    quiet = _QUIET_BURN_RATE
    apart = abs(math.log((present.burn_rate_1h + quiet) / (level + quiet)))
    return math.sqrt(
        _SPREAD**2
        + scatter**2 / max(line.points, 1)
        + 1 / (present.bad_24h + 1)
        + (_DISAGREEMENT_WEIGHT * min(apart, _MOST_DISAGREEMENT)) ** 2
    )
