"""When a shard is silent and when figures are out of date: one rule for every service. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_high
from typing import Final

from common.slo.vocabulary import DataStatus
from common.slo.windows import HOUR

SHARD_HEARTBEAT_SECONDS: Final = 2.0
"""How often the owner of a shard says that it works, whatever has changed."""

SHARD_SILENCE_SECONDS: Final = 3 * SHARD_HEARTBEAT_SECONDS
"""Longer than an owner takes to come back after a crash. The default of every service's setting."""

MIN_STALE_SECONDS: Final = 300
STALE_REPORTS: Final = 3

REPORTS_SECONDS: Final = 3 * HOUR
"""So far back from its newest report a service shows how often it reports."""

USUAL_REPORTS: Final = 2
"""Reports up to so many times as long as usual show that those who report as usual still do."""

FORECAST_HOLDS: Final = timedelta(minutes=5)
"""Forecasts are made anew every half minute; an older one comes from a service that is down."""

UNTRUSTED: Final = (
    DataStatus.NO_DATA,
    DataStatus.LAGGING,
    DataStatus.SATURATED,
    DataStatus.STALE,
)
"""The states in which figures say nothing about the present.

Sums that have reached their limit (`saturated`) hide what came since.
"""


def is_silent(heard_at: datetime | None, now: datetime, limit: timedelta) -> bool:
    """Return whether the newest sign of life is as old as the limit; never heard is silent."""
    return heard_at is None or now - heard_at >= limit


@dataclass(slots=True)
class ShardLiveness:
    """The newest sign of life of a shard: the owner's own time in a snapshot or heartbeat."""

    heard_at: datetime | None = None

    def hear(self, at: datetime) -> None:
        """Note a sign of life; an older one changes nothing."""
        self.heard_at = at if self.heard_at is None else max(at, self.heard_at)

    def is_silent(self, now: datetime, limit: timedelta) -> bool:
        """Return whether the shard is silent; one that was never heard is."""
        return is_silent(self.heard_at, now, limit)


def stale_after_seconds(resolution_seconds: int) -> int:
    """Return how old a service's newest event may be before its figures are stale."""
    return max(MIN_STALE_SECONDS, STALE_REPORTS * resolution_seconds)


def resolution_of(report_seconds: Sequence[int]) -> int:
    """Return how long the reports of a service usually are, from the shortest of each minute.

    Whoever reports most often is in most minutes, so that neither one long report nor one short
    one counts; of two halves the longer holds.
    """
    return median_high(report_seconds)


def as_lagging(status: DataStatus) -> DataStatus:
    """Return what is left of a state once its shard lags: nothing is worse than no data."""
    return status if status is DataStatus.NO_DATA else DataStatus.LAGGING
