"""Burnrate and alerts in one process without servers: what is reported, and what is said of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.domain.configuration import AlertConfiguration
from common.alerting.default_rules import default_rules
from common.decisions.readings import Inputs
from common.events import BurnRateSnapshot, MetricEvent, TargetChanged
from tests.reference.evaluator import SHARDS, BurnrateProcess, declared
from tests.support.alerts.in_memory import AlertShard, Said

SERVICE = "checkout"


@dataclass
class LiveAlerts:
    """One service, counted by burnrate and watched by rules, the default ones unless given."""

    shard: AlertShard = field(
        default_factory=lambda: AlertShard(AlertConfiguration(default_rules()))
    )
    process: BurnrateProcess = field(default_factory=BurnrateProcess)
    snapshot: BurnRateSnapshot | None = None
    _reports: int = 0

    def __post_init__(self) -> None:
        for shard in range(SHARDS):
            self.process.acquire(shard)

    @property
    def now(self) -> datetime:
        """Return the present instant."""
        return self.process.now

    def declare(self, *targets: TargetChanged) -> None:
        """Let the service be known, with these objectives."""
        self.process.catalog.apply(declared(SERVICE))
        for target in targets:
            self.process.catalog.apply(target)

    def report(self, total: int, bad: int, **fields: Any) -> MetricEvent:
        """Report counts of the time that ends now, as one of many senders would."""
        self._reports += 1
        given = {"source": "x", "window_seconds": 10, "event_id": str(self._reports), **fields}
        event = MetricEvent(service=SERVICE, timestamp=self.now, total=total, bad=bad, **given)
        self.process.count(event)
        return event

    async def tick(self, seconds: float) -> list[Said]:
        """Let time pass, then evaluate; return what is said."""
        ticked = await self.process.tick(seconds)
        self.snapshot = ticked.snapshots.get(SERVICE, self.snapshot)
        self.shard.now = self.process.now
        return [] if self.snapshot is None else self.shard.see(SERVICE, Inputs(self.snapshot))
