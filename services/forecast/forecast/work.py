"""What the ledger asks of the forecast service for each shard: burn rates, as they come."""

from collections.abc import Sequence
from datetime import timedelta

from common.config.clock import Clock
from common.kafka.client import Record
from common.kafka.trace_contexts import TraceContexts
from common.kafka.unreadable import each_readable
from common.ledger.shard import ShardWork
from common.storage.database import WriteSession
from forecast.domain.due_services import DueServices, Pace
from forecast.domain.shard_counts import ShardCounts
from forecast.settings import ForecastSettings


class ForecastWork(ShardWork):
    """What is in memory of the shards that are held; all of it can be read again."""

    def __init__(self, settings: ForecastSettings, clock: Clock) -> None:
        self._clock, self._reread_seconds = clock, settings.reread_seconds
        self._pace = Pace(
            timedelta(seconds=settings.interval_seconds),
            timedelta(seconds=settings.soonest_seconds),
            timedelta(seconds=settings.silence_seconds),
        )
        self.traces = TraceContexts("forecast")
        self.services: dict[int, DueServices] = {}
        self.counts: dict[int, ShardCounts] = {}

    async def load(self, session: WriteSession, shard: int) -> None:
        """Begin with nothing: snapshots come from the topic, counts are read when needed."""
        del session
        self.services[shard] = DueServices(self._pace)
        self.counts[shard] = ShardCounts(self._reread_seconds)

    def observe(self, shard: int, records: Sequence[Record]) -> None:
        """Apply burn rates of a shard that is held."""
        services, now = self.services[shard], self._clock()
        self.traces.take(records, "read")
        each_readable(records, lambda message: services.apply(message, now))

    def release(self, shard: int) -> None:
        """Forget a shard."""
        self.services.pop(shard, None)
        self.counts.pop(shard, None)
