"""What is said of a forecast: the trend, and how far to trust it. Pure.

The rules, in words, are in `docs/forecast.md`; each edge has a test.
"""

from dataclasses import dataclass
from datetime import timedelta

from common.events import Confidence, Trend
from common.slo import DataStatus
from forecast.models import Line
from forecast.outlook import TREND_HOURS, shrunk_slope

DEAD_BAND = 0.1
"""A trend is one if it moves the burn rate by a tenth: less moves the end by less than a tenth."""
LEAST_BURN_RATE = 0.1
"""Below it a tenth is a tenth of this: nobody cares whether 0.001 becomes 0.002."""

FEW_POINTS, MANY_POINTS = 12, 36  # half hours with requests, of 48
CLOSE_SCATTER, WIDE_SCATTER = 0.5, 1.5  # spread about the line, in means
GOOD_FIT = 0.5
FRESH = timedelta(minutes=2)
FRESH_REPORTS = 2

_OLD = frozenset({DataStatus.NO_DATA, DataStatus.LAGGING, DataStatus.STALE})
_REASONS = {
    DataStatus.NO_DATA: "nothing has been reported",
    DataStatus.LAGGING: "the counts are behind (lagging)",
    DataStatus.STALE: "the service has stopped reporting (stale)",
}


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest report is, and how long the service's reports are."""

    status: DataStatus
    age: timedelta
    resolution: timedelta

    @property
    def fresh(self) -> bool:
        """Tell whether no report is overdue."""
        return self.age <= max(FRESH, FRESH_REPORTS * self.resolution)


def trend(line: Line) -> Trend:
    """Return where the burn rate goes; stable within the dead band.

    That is: a slope within three standard errors of none, or one that moves the burn rate by less
    than a tenth before it flattens out.
    """
    moved = shrunk_slope(line) * TREND_HOURS
    if abs(moved) < DEAD_BAND * max(line.mean, LEAST_BURN_RATE):
        return "stable"
    return "increasing" if moved > 0 else "decreasing"


def confidence(line: Line, freshness: Freshness) -> tuple[Confidence, str]:
    """Return how far to trust the forecast, and why not further.

    Low: old data, fewer than 12 points, or points all over the place. High: 36 points, no report
    overdue, and points close to their line. Medium is what is left.
    """
    scatter = line.scatter / line.mean if line.mean else 0.0
    spread = f"the burn rate scatters by {scatter:.1f} times its mean"
    if freshness.status in _OLD:
        return "low", _REASONS[freshness.status]
    if line.points < FEW_POINTS:
        return "low", f"only {line.points} half hours with requests in the last day"
    if scatter > WIDE_SCATTER and line.fit_ratio < GOOD_FIT:
        return "low", spread
    if freshness.status is DataStatus.NO_TRAFFIC:
        return "medium", "no requests are coming in"
    if not freshness.fresh:
        return "medium", f"the newest report is {freshness.age.total_seconds():.0f} s old"
    if line.points < MANY_POINTS:
        return "medium", f"{line.points} half hours with requests in the last day"
    if scatter > CLOSE_SCATTER and line.fit_ratio < GOOD_FIT:
        return "medium", spread
    return "high", "a day of points close to their line, and fresh data"
