"""The ledger's work: a shard's counts, in PostgreSQL and in memory."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from burnrate.domain.series_index import SeriesIndex
from burnrate.domain.service_state import ServiceQuota
from burnrate.domain.shard_state import ShardState
from burnrate.ingest.bulk_reader import BulkReader
from burnrate.ingest.classifier import Rules
from burnrate.ingest.dedup import ShardDedupKeys
from burnrate.ingest.processor import BatchProcessor, BatchResult
from burnrate.metrics import EVENTS, forget_newest_event, note_newest_event
from burnrate.settings import BurnrateSettings
from burnrate.storage import recovery_repository
from burnrate.storage.blocks import Blocks
from burnrate.windows.rings import RESOLUTIONS
from common.config.clock import MICROSECONDS
from common.kafka.trace_contexts import TraceContexts
from common.ledger.dlq_limit import DlqLimit, DlqLimits
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Batch, ShardWork
from common.storage.database import ReadSession, WriteSession
from common.storage.dead_letters import DeadLetterStore


class CountingWork(ShardWork):
    """What the ledger calls for each shard that this process owns."""

    def __init__(
        self,
        settings: BurnrateSettings,
        runtime: ConsumerRuntime,
        lateness: timedelta,
        is_deep: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.states: dict[int, ShardState] = {}
        self.room, self._is_deep = ServiceQuota(settings.max_services), is_deep
        self._processors: dict[int, BatchProcessor] = {}
        self._breakers: dict[int, DlqLimit] = {}
        self._breaker_limits = DlqLimits(settings.max_bad_ratio, settings.max_bad_run)
        self._shards, self._lateness = runtime.shards, lateness
        self._outbox, self._clock = runtime.outbox, runtime.clock
        self._held_marks = settings.max_held_marks
        self.traces = TraceContexts("burnrate")
        self.dead_letters = DeadLetterStore("burnrate", runtime.outbox)

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read a shard's services and counts, as far as windows reach."""
        now = self._clock()
        state = ShardState(now, self.room, self._is_deep)
        try:
            names = await _read(session, shard, state, now)
        except BaseException:
            state.close()
            raise
        self.release(shard)
        series = SeriesIndex(names, state.without_room)
        self._processors[shard] = BatchProcessor(
            series=series,
            reader=BulkReader(series),
            marks=ShardDedupKeys(self._held_marks // self._shards),
            blocks=Blocks(),
            rules=Rules(shard, self._shards, self._lateness),
            outbox=self._outbox,
            letters=self.dead_letters,
            breaker=self._breakers.setdefault(shard, DlqLimit(self._breaker_limits)),
        )
        self.states[shard] = state

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write a batch; return what adds it to memory."""
        processor, began_ns = self._processors[batch.shard], time.time_ns()
        taken = await processor.process(session, batch)

        def fold() -> None:
            self.states[batch.shard].fold(taken.sums, self._clock())
            processor.breaker.fold(taken.bad)
            _report(batch, taken)
            self.traces.take(batch.records, "count", began_ns)
            self._outbox.wake()

        return fold

    def release(self, shard: int) -> None:
        """Forget a shard."""
        if self._processors.pop(shard, None) is not None:
            forget_newest_event(shard)
        state = self.states.pop(shard, None)
        if state is not None:
            state.close()


def _report(batch: Batch, taken: BatchResult) -> None:
    EVENTS.labels("read").inc(len(batch.records))
    EVENTS.labels("dead").inc(int(taken.bad.sum()))
    EVENTS.labels("duplicate").inc(taken.repeated)
    if taken.newest_micros:
        note_newest_event(batch.shard, taken.newest_micros / MICROSECONDS)


async def _read(session: ReadSession, shard: int, state: ShardState, now: datetime) -> list[str]:
    """Read what is stored of a shard into its state; return the services by slot."""
    names, newest_micros, counters = await recovery_repository.load_services(session, shard)
    state.load_services(names, newest_micros, counters)
    for resolution in RESOLUTIONS:
        since = now - recovery_repository.KEPT[resolution]
        parts = await recovery_repository.load_blocks(session, shard, resolution, since, len(names))
        for buckets, blocks in parts:
            state.load_blocks(resolution, names, buckets, blocks)
    return names
