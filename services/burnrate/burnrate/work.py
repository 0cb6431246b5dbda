"""What the ledger asks of the burnrate service for each shard: its counts, stored and in memory."""

import gc
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from burnrate.domain.series_index import SeriesIndex
from burnrate.domain.service_state import ServiceQuota
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.blocks import Blocks
from burnrate.ingest.bulk_reader import BulkReader
from burnrate.ingest.classifier import Rules
from burnrate.ingest.dedup import ShardDedupKeys
from burnrate.ingest.processor import BatchProcessor, BatchResult
from burnrate.metrics import EVENTS, forget_newest_event, note_newest_event
from burnrate.settings import BurnrateSettings
from burnrate.storage import recovery_repository
from common.config.clock import MICROSECONDS
from common.counts.layout import RESOLUTIONS
from common.kafka.topics import HISTORY, METRICS
from common.kafka.trace_contexts import TraceContexts
from common.ledger.dlq_limit import DlqLimit, DlqLimits
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Batch, ShardWork
from common.slo.streams import service_of
from common.storage.database import ReadSession, WriteSession
from common.storage.dead_letters import DeadLetterStore

INPUTS = (METRICS.name, HISTORY.name)
_COLLECTED_OBJECTS = 100_000


def collect_rarely() -> None:
    """Let the garbage collector look for cycles seldom, and never at what is there by now.

    A hundred thousand records may wait, and none of them is part of a cycle: at the usual pace
    looking at them again and again costs more than reading them.
    """
    gc.unfreeze()
    gc.collect()  # or what an earlier life of the service has left would stay for ever
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, 50, 50)


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
        self.quota, self._is_deep = ServiceQuota(settings.max_services), is_deep
        self._processors: dict[int, BatchProcessor] = {}
        self._dlq_limits: dict[int, DlqLimit] = {}
        self._limits = DlqLimits(settings.max_bad_ratio, settings.max_bad_run)
        self._shards, self._lateness = runtime.shards, lateness
        self._outbox, self._clock = runtime.outbox, runtime.clock
        self._held_dedup_keys = settings.max_held_dedup_keys // self._shards
        self.traces = TraceContexts("burnrate")
        self.dead_letters = DeadLetterStore("burnrate", runtime.outbox)

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read a shard's services and counts, as far as windows reach."""
        now = self._clock()
        state = ShardState(now, self.quota, self._is_deep)
        try:
            names = await _read(session, shard, state, now)
        except BaseException:
            state.table.release()
            raise
        self.release(shard)
        series = SeriesIndex(names, state.table.reserve)
        self._processors[shard] = BatchProcessor(
            series=series,
            reader=BulkReader(series),
            dedup_keys=ShardDedupKeys(self._held_dedup_keys * 3 // 4),
            import_dedup_keys=ShardDedupKeys(self._held_dedup_keys // 4),
            blocks=Blocks(),
            rules=Rules(shard, self._shards, self._lateness),
            outbox=self._outbox,
            dead_letters=self.dead_letters,
            dlq_limit=self._dlq_limits.setdefault(shard, DlqLimit(self._limits)),
        )
        self.states[shard] = state

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write a batch; return what adds it to memory."""
        processor, began_ns = self._processors[batch.shard], time.time_ns()
        result = await processor.process(session, batch)

        def apply_to_memory() -> None:
            self.states[batch.shard].apply(result.delta, self._clock())
            processor.dlq_limit.apply(result.unreadable)
            _report(batch, result)
            self.traces.take(batch.records, "count", began_ns)
            self._outbox.wake()

        return apply_to_memory

    def release(self, shard: int) -> None:
        """Forget a shard."""
        if self._processors.pop(shard, None) is not None:
            forget_newest_event(shard)
        state = self.states.pop(shard, None)
        if state is not None:
            state.table.release()


def _report(batch: Batch, result: BatchResult) -> None:
    EVENTS.labels("read").inc(len(batch.records))
    EVENTS.labels("dead").inc(result.dead)
    EVENTS.labels("duplicate").inc(result.repeated)
    if result.newest_micros:
        note_newest_event(batch.shard, result.newest_micros / MICROSECONDS)


async def _read(session: ReadSession, shard: int, state: ShardState, now: datetime) -> list[str]:
    """Read what is stored of a shard into its state; return the services by slot."""
    found = await recovery_repository.load_services(session, shard)
    state.released |= found.released_services()
    held = [service_of(name) not in state.released for name in found.names]
    here = np.flatnonzero(held)
    names = [found.names[slot] for slot in here.tolist()]
    state.load_services(names, found.newest_micros[here], found.counters[here])
    for resolution in RESOLUTIONS:
        slots = len(found.names)
        parts = await recovery_repository.load_blocks(session, shard, resolution, now, slots)
        for buckets, blocks in parts:
            own = blocks if len(here) == slots else blocks[:, here]
            state.load_blocks(resolution, names, buckets, own)
    return found.names
