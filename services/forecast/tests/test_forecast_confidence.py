"""Trend and confidence at each edge of their rules."""

from dataclasses import replace
from datetime import timedelta

import pytest

from common.slo.vocabulary import DataStatus
from forecast.domain.confidence import Freshness, confidence, trend
from forecast.domain.models import Line
from forecast.domain.projection import SLOPE_SHRINKAGE, TREND_HOURS, shrunk_slope

SECOND = timedelta(seconds=1)


def line(**fields: float) -> Line:
    """Return a good line: a day of points close to it."""
    given: dict[str, float] = {"mean": 1.0, "scatter": 0.1, "fit_ratio": 0.0, "points": 48}
    return Line(**{**given, **fields})  # type: ignore[arg-type]


def fresh(status: DataStatus = DataStatus.OK, age: int = 5, resolution: int = 10) -> Freshness:
    return Freshness(status, age * SECOND, resolution * SECOND)


@pytest.mark.parametrize(
    ("slope", "error", "mean", "points", "expected"),
    [
        (0.0, 0.0, 1.0, 48, "stable"),
        # within three standard errors of none
        (0.3, 0.1, 1.0, 48, "stable"),
        (0.301, 0.1, 1.0, 48, "stable"),  # just outside, but hardly any of it counts
        (0.4, 0.1, 1.0, 48, "increasing"),
        (-0.4, 0.1, 1.0, 48, "decreasing"),
        # a tenth of the mean in six hours
        (0.0166, 0.0, 1.0, 48, "stable"),
        (0.0167, 0.0, 1.0, 48, "increasing"),
        (-0.0166, 0.0, 1.0, 48, "stable"),
        (-0.0167, 0.0, 1.0, 48, "decreasing"),
        (0.0167, 0.0, 2.0, 48, "stable"),
        # of next to nothing: a tenth of a tenth
        (0.00166, 0.0, 0.001, 48, "stable"),
        (0.00167, 0.0, 0.001, 48, "increasing"),
        # two points are a line, but no trend
        (9.0, 0.0, 1.0, 2, "stable"),
        (9.0, 0.0, 1.0, 3, "increasing"),
    ],
)
def test_the_trend_and_its_dead_band(
    slope: float, error: float, mean: float, points: int, expected: str
) -> None:
    found = line(slope_per_hour=slope, slope_error=error, mean=mean, points=points)
    assert trend(found) == expected


def test_a_slope_counts_as_far_as_it_can_be_told_from_none() -> None:
    assert shrunk_slope(line(slope_per_hour=1.0, slope_error=0.0)) == 1
    assert shrunk_slope(line(slope_per_hour=-2.0, slope_error=0.5)) == -2 * (
        1 - SLOPE_SHRINKAGE / 16
    )
    assert shrunk_slope(line(slope_per_hour=1.0, slope_error=9.0)) == 0
    assert TREND_HOURS > 0


@pytest.mark.parametrize(
    ("line", "freshness", "expected", "why"),
    [
        (line(), fresh(), "high", "fresh data"),
        # freshness
        (line(), fresh(DataStatus.NO_DATA), "low", "nothing"),
        (line(), fresh(DataStatus.LAGGING), "low", "lagging"),
        (line(), fresh(DataStatus.STALE), "low", "stale"),
        (line(), fresh(DataStatus.NO_TRAFFIC), "medium", "no requests"),
        (line(), fresh(age=120), "high", "fresh data"),
        (line(), fresh(age=121), "medium", "2.02 min old"),
        (line(), fresh(age=600, resolution=300), "high", "fresh data"),
        (line(), fresh(age=601, resolution=300), "medium", "10.02 min old"),
        # coverage
        (line(), replace(fresh(), coverage_ratio=0.99), "high", "fresh data"),
        (line(), replace(fresh(), coverage_ratio=0.9899), "medium", "only 98% of the latest"),
        # points
        (line(points=0), fresh(), "low", "only 0 of the last 48 half hours"),
        (line(points=11), fresh(), "low", "only 11 of the last 48 half hours"),
        (line(points=12), fresh(), "medium", "only 12 of the last 48 half hours"),
        (line(points=35), fresh(), "medium", "only 35 of the last 48 half hours"),
        (line(points=36), fresh(), "high", "fresh data"),
        # fit
        (line(scatter=0.5), fresh(), "high", "fresh data"),
        (line(scatter=0.51), fresh(), "medium", "scatters by 0.51 times"),
        (line(scatter=0.51, fit_ratio=0.5), fresh(), "high", "fresh data"),
        (line(scatter=0.51, fit_ratio=0.49), fresh(), "medium", "scatters"),
        (line(scatter=1.5), fresh(), "medium", "scatters"),
        (line(scatter=1.51), fresh(), "low", "scatters by 1.51 times"),
        (line(scatter=1.51, fit_ratio=0.5), fresh(), "high", "fresh data"),
        (line(scatter=0.0, mean=0.0), fresh(), "high", "fresh data"),
        # the most severe reason is the one that is given
        (line(points=11, scatter=9.0), fresh(DataStatus.STALE), "low", "stale"),
        (line(points=12, scatter=9.0), fresh(DataStatus.NO_TRAFFIC), "low", "scatters"),
    ],
)
def test_confidence_at_each_edge(line: Line, freshness: Freshness, expected: str, why: str) -> None:
    level, reason = confidence(line, freshness)
    assert level == expected
    assert why in reason


@pytest.mark.parametrize(("points", "level"), [(17, "medium"), (18, "high"), (24, "high")])
def test_who_reports_hourly_has_half_as_many_points_to_give(points: int, level: str) -> None:
    hourly = Freshness(DataStatus.OK, timedelta(minutes=30), timedelta(hours=1))
    assert confidence(line(points=points), hourly)[0] == level
