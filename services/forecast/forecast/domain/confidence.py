"""What is said of a forecast: the trend, and how far to trust it. Pure.

The rules, in words, are in `docs/forecast.md`; each edge has a test.
"""

from dataclasses import dataclass
from datetime import timedelta

from common.events import Confidence, Trend
from common.slo import wording
from common.slo.risk import LEAST_COVERAGE_RATIO
from common.slo.vocabulary import DataStatus
from forecast.domain.models import Line
from forecast.domain.projection import TREND_HOURS, shrunk_slope

DEAD_BAND = 0.1
"""A trend is one if it moves the burn rate by a tenth: less moves the end by less than a tenth."""
LEAST_BURN_RATE = 0.1
"""Below it a tenth is a tenth of this: nobody cares whether 0.001 becomes 0.002."""

FEW_POINTS, MANY_POINTS = 12, 36  # half hours with requests, of 48
CLOSE_SCATTER, WIDE_SCATTER = 0.5, 1.5  # spread about the line, in means
GOOD_FIT = 0.5
HALF_HOUR = timedelta(minutes=30)
FRESH = timedelta(minutes=2)
FRESH_REPORTS = 2

_OLD = {
    DataStatus.NO_DATA: "nothing has been reported",
    DataStatus.LAGGING: "the counts are behind (lagging)",
    DataStatus.SATURATED: "more is reported than can be counted (saturated)",
    DataStatus.STALE: "the service has stopped reporting (stale)",
}


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest report is, how long the service's reports are, and what they cover.

    `coverage_ratio` is the share of the latest requests that are certainly good or certainly bad.
    """

    status: DataStatus
    age: timedelta
    resolution: timedelta
    coverage_ratio: float = 1.0

    @property
    def overdue(self) -> timedelta:
        """Return how old the newest report is when the next one is overdue."""
        return max(FRESH, FRESH_REPORTS * self.resolution)

    @property
    def reported_share(self) -> float:
        """Return the share of half hours in which reports that are so long can end."""
        return min(1.0, HALF_HOUR / self.resolution) if self.resolution else 1.0


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

    Low: old data, fewer than 12 points, or points all over the place. High: 36 points, or three in
    four of those that long reports can give, no report overdue, nearly all of the latest requests
    covered, and points close to their line. Medium is what is left. The first rule that applies
    decides, and is the reason given.
    """
    scatter = line.scatter / line.mean if line.mean else 0.0
    apart = line.fit_ratio < GOOD_FIT
    status, points = freshness.status, line.points
    spread = wording.factor(scatter, [CLOSE_SCATTER, WIDE_SCATTER])
    scatters = f"the burn rate scatters by {spread} times its mean"
    age = wording.lasted(freshness.age.total_seconds(), [freshness.overdue.total_seconds()])
    share = wording.left(freshness.coverage_ratio, [LEAST_COVERAGE_RATIO])
    covered = f"only {share} of the latest requests are certainly good or bad"
    counted = f"requests in only {points} of the last 48 half hours"
    rules: tuple[tuple[bool, Confidence, str], ...] = (
        (status in _OLD, "low", _OLD.get(status, "")),
        (points < FEW_POINTS, "low", counted),
        (scatter > WIDE_SCATTER and apart, "low", scatters),
        (status is DataStatus.NO_TRAFFIC, "medium", "no requests are coming in"),
        (freshness.age > freshness.overdue, "medium", f"the newest report is {age} old"),
        (freshness.coverage_ratio < LEAST_COVERAGE_RATIO, "medium", covered),
        (points < MANY_POINTS * freshness.reported_share, "medium", counted),
        (scatter > CLOSE_SCATTER and apart, "medium", scatters),
        (True, "high", "a day of points close to their line, and fresh data"),
    )
    return next((level, reason) for applies, level, reason in rules if applies)
