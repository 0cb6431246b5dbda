"""What is known of a service beside its counts: when it reported, how often, what was odd. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from burnrate.domain import service_status, stale_after_seconds
from burnrate.rings import MINUTE, bucket_of
from common.clock import to_micros
from common.events import IngestCounters
from common.slo import DataStatus

_DEFAULT_RESOLUTION_SECONDS = 10
_HOUR_MINUTES = 60
# less than the minutes that are stored, so that a restart finds the same reports
_REPORTS_KEPT_MINUTES = 48 * 60


@dataclass(frozen=True, slots=True)
class Moment:
    """What an evaluation is stamped with."""

    now: datetime
    shard: int
    epoch: int
    applied_through: datetime
    lagging: bool
    command_id: str | None = None


@dataclass(slots=True)
class ServiceState:
    """A service's reports: the newest, the oddities, and the longest of each minute."""

    newest_at: datetime | None = None
    counters: IngestCounters = field(default_factory=IngestCounters)
    reports: dict[int, int] = field(default_factory=dict)

    def report(self, minute: int, seconds: int) -> None:
        """Note how long the reports of a minute are; keep the hour before the newest."""
        self.reports[minute] = max(self.reports.get(minute, 0), seconds)
        if len(self.reports) > 2 * _HOUR_MINUTES:
            newest = max(self.reports)
            self.reports = {m: s for m, s in self.reports.items() if m > newest - _HOUR_MINUTES}

    def resolution_seconds(self, now: datetime) -> int:
        """Return the longest report of the hour that ends with the newest minute seen."""
        newest = max(self.reports, default=0)
        if newest <= bucket_of(to_micros(now), MINUTE) - _REPORTS_KEPT_MINUTES:
            return _DEFAULT_RESOLUTION_SECONDS
        return max(s for m, s in self.reports.items() if m > newest - _HOUR_MINUTES)

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the newest event is older than this service's reports allow."""
        limit = timedelta(seconds=stale_after_seconds(self.resolution_seconds(now)))
        return self.newest_at is not None and now - self.newest_at > limit

    def status(self, moment: Moment, recent_total: int) -> DataStatus:
        """Return how far the service's figures can be trusted at that moment."""
        return service_status(
            seen=self.newest_at is not None,
            lagging=moment.lagging,
            stale=self.is_stale(moment.now),
            recent_total=recent_total,
        )
