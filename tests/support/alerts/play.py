"""A scenario of the simulator, played through burnrate's arithmetic to the alerts' domain.

Only the services that a test names are simulated; what befalls them is the list of episodes that
the test gives, which is the truth that alerts are judged by.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unittest.mock import patch

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.readings import Inputs
from common.alerting.default_rules import default_rules
from common.events import BurnRateSnapshot, MetricEvent
from common.slo.vocabulary import DataStatus
from ingest.simulator import counts
from ingest.simulator.scenarios import Episode, ScenarioKind
from tests.reference.brute_force import window_sums
from tests.reference.evaluator import World
from tests.support.alerts.in_memory import Desk

SEED = 11
OBJECTIVE_ALLOWS_RATIO = 0.001  # the virtual target's error ratio: 1 - 0.999


@contextmanager
def befalling(episodes: Sequence[Episode]) -> Iterator[None]:
    """Let the simulator know these episodes and no others."""

    def given(_: int, kind: ScenarioKind, start: int, end: int) -> list[Episode]:
        return [e for e in episodes if e.kind is kind and e.start < end and e.end > start]

    counts._hour.cache_clear()
    with patch.object(counts, "episodes", given):
        yield
    counts._hour.cache_clear()


def simulated(
    service: str, start: datetime, end: datetime, window_seconds: int
) -> list[MetricEvent]:
    """Return the service's events with start < timestamp <= end."""
    found = counts.events_between(
        SEED, int(start.timestamp()), int(end.timestamp()), window_seconds
    )
    return [event for event in found if event.service == service]


@dataclass
class Play:
    """A service from a quiet day on: what it reported, and what was said of it."""

    service: str
    begins: datetime
    desk: Desk = field(default_factory=lambda: Desk(AlertConfiguration(default_rules())))
    events: list[MetricEvent] = field(default_factory=list)
    snapshot: BurnRateSnapshot | None = None
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.world.now = self.begins
        for shard in (0, 1):
            self.world.acquire(shard)
        self._count(simulated(self.service, self.begins - timedelta(days=1), self.begins, 60))

    @property
    def now(self) -> datetime:
        """Return the present instant of the play."""
        return self.world.now

    async def until(self, end: datetime, tick_seconds: int = 10) -> None:
        """Let time pass tick by tick, each with its events."""
        span = simulated(self.service, self.now, end, tick_seconds)
        by_time = {event.timestamp: event for event in span}
        while self.now < end:
            due = by_time.get(self.now + timedelta(seconds=tick_seconds))
            if due is not None:
                self._count([due])
            await self.tick(tick_seconds)

    def fail_one_request(self) -> None:
        """Report one request, which failed."""
        self._count(
            [
                MetricEvent(
                    service=self.service,
                    timestamp=self.now,
                    total=1,
                    bad=1,
                    source="probe",
                    event_id=f"probe/{self.now.isoformat()}",
                    window_seconds=10,
                )
            ]
        )

    async def tick(self, seconds: float) -> None:
        """Evaluate once, with nothing new reported."""
        told = await self.world.tick(seconds)
        self.snapshot = told.snapshots.get(self.service, self.snapshot)
        self.desk.now = self.world.now
        if self.snapshot is not None:
            self.desk.see(self.service, Inputs(self.snapshot))

    def pair_burns(self, long_seconds: int, short_seconds: int, threshold: float) -> bool:
        """Whether a pair burns faster than that now, by brute force over the raw events."""
        for seconds in (long_seconds, short_seconds):
            total, bad = window_sums(self.events, self.now, seconds)
            if not total or bad / total / OBJECTIVE_ALLOWS_RATIO <= threshold:
                return False
        return True

    def status(self) -> DataStatus | None:
        """Return how far the newest figures can be trusted."""
        return self.snapshot.data_status if self.snapshot else None

    def _count(self, events: Sequence[MetricEvent]) -> None:
        self.events += events
        self.world.count(*events)
