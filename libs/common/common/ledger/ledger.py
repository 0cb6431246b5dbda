"""Exactly-once effect: a shard's state and its offsets change in one PostgreSQL transaction.

What is read waits in memory for the next flush, which applies it shard by shard; meanwhile
reading goes on. Kafka's own committed offsets are not used.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from common.kafka.client import Record
from common.ledger.backpressure import Backpressure, LedgerLimits
from common.ledger.log_bounds import refuse_gap
from common.ledger.ownership import LedgerParts, RetryDelays, ShardOwnership
from common.ledger.read_buffer import Run, ShardBuffer, runs
from common.ledger.shard import NEVER, Batch, Ownership, RefusedError, ShardWork
from common.ledger.state_topics import StateTopics
from common.ledger.store import FencedError, StoredOffset, reset_ledger
from common.runtime.failpoints import failpoint

__all__ = [
    "NEVER",
    "Batch",
    "LedgerLimits",
    "LedgerParts",
    "Ownership",
    "RefusedError",
    "RetryDelays",
    "ShardLedger",
    "ShardWork",
    "StateTopics",
    "reset_ledger",
]

_BROKER_SECONDS = 5.0  # for an answer that the broker has at hand


class ShardLedger(ShardOwnership):
    """Buffers a consumer's batches and applies them to the shards that it holds."""

    def __init__(self, parts: LedgerParts) -> None:
        super().__init__(parts)
        self.lag: dict[int, int] = {}  # records to be applied, of the shards that are probed
        self._end_seen: dict[TopicPartition, int] = {}
        self._limits = parts.limits
        self._backpressure = Backpressure(self._limits)
        self._buffers: dict[int, ShardBuffer] = {}
        self._flushing = asyncio.Lock()
        self._flushing_early = False

    @property
    def paused(self) -> bool:
        """Whether reading is paused because too much waits to be applied."""
        return self._backpressure.paused

    def buffered(self) -> tuple[int, int]:
        """Return how many records wait to be applied, and the bytes of their keys and values."""
        buffers = self._buffers.values()
        return sum(b.records for b in buffers), sum(b.size_bytes for b in buffers)

    async def handle(self, records: Sequence[Record]) -> None:
        """Buffer a batch as the client gives it: each partition's records together, in order.

        Never raises, since FastStream would skip the batch: a failed shard is acquired again.
        """
        for run in runs(records):
            if run.topic in self._levels.topics:
                await self._observe(run)
                continue
            buffer = self._buffers.get(run.shard)
            if buffer is None:
                continue  # not ours, or not loaded yet: the seek to come brings the records again
            try:
                await self._buffer(run, buffer)
            except Exception as error:  # noqa: BLE001 - see above
                async with self.lock:  # a transaction of the shard may be running
                    if self._buffers.get(run.shard) is buffer:
                        self._fail(run.shard, error)
        self._regulate()
        if self._is_full() and not self._flushing_early:
            self._flushing_early = True
            self._run(self._flush_until_not_full())

    async def _observe(self, run: Run) -> None:
        """Hand levels on. What is read before the shard is held comes again after the seek."""
        own, consumer = self.owned.get(run.shard), self._consumer()
        if own is None or consumer is None:
            return
        self._levels.observe(run.shard, run.records)
        reached = run.records[-1].offset + 1
        with suppress(IllegalStateError):  # a rebalance has taken the shard
            # a position before it: fetched before the seek, so that what comes first is to come
            if await consumer.position(TopicPartition(run.topic, run.shard)) >= reached:
                own.levels.reached(run.topic, reached)

    async def flush(self) -> None:
        """Apply all that is buffered at this moment. Never raises: see `handle`."""
        async with self._flushing:
            due = {shard: (buffer, buffer.records) for shard, buffer in self._buffers.items()}
            for shard, (buffer, records) in due.items():
                await self._flush_shard(shard, buffer, records)

    async def probe(self) -> None:
        """Ask Kafka where the logs end; note how far behind each shard is, or that it is not."""
        consumer, asked_at = self._consumer(), self._clock()
        held = self._held() if consumer is not None else []
        before, self.lag = self._end_seen, {}  # unknown, should the broker not answer
        if consumer is None or not held:
            return
        async with asyncio.timeout(_BROKER_SECONDS):
            ends = await consumer.end_offsets(held)
            seen = {tp: ends[tp] for tp in held if await self._has_seen(consumer, tp, ends[tp])}
        lag = dict.fromkeys(self.owned, 0)
        for tp, end in ends.items():
            own = self.owned.get(tp.partition)
            if own is None:
                continue
            behind = max(0, end - own.next_offsets[tp.topic])
            if not behind or before.get(tp) == seen.get(tp, -1):
                own.applied_through[tp.topic] = max(own.applied_through[tp.topic], asked_at)
            else:
                lag[tp.partition] += behind
        self.lag, self._end_seen = lag, seen

    async def _has_seen(self, consumer: AIOKafkaConsumer, tp: TopicPartition, end: int) -> bool:
        """Tell whether the client has read to the end, and all that it gave out is applied.

        The end of a transaction takes an offset and is no record: where one is last, the offset
        to be applied next stays before the end for ever. What the client has given out may still
        be on its way to us, so that a yes is believed once it is repeated for the same end.
        """
        own, buffer = self.owned.get(tp.partition), self._buffers.get(tp.partition)
        if own is None or buffer is None or buffer.records:
            return False
        return own.next_offsets[tp.topic] >= end or await consumer.position(tp) >= end

    def _is_full(self) -> bool:
        if self.paused:
            return any(b.records for b in self._buffers.values())
        return any(b.records >= self._limits.max_flush_records for b in self._buffers.values())

    async def _flush_until_not_full(self) -> None:
        try:
            while self._is_full():
                await self.flush()
        finally:
            self._flushing_early = False

    async def _flush_shard(self, shard: int, buffer: ShardBuffer, due: int) -> None:
        """Apply at least that many records, in transactions of at most one flush."""
        while due > 0 and buffer.records:
            async with self.lock:
                if self._buffers.get(shard) is not buffer:
                    return  # given up, or acquired anew; what was read comes again
                head = buffer.head()
                try:
                    await self._apply(shard, self.owned[shard], head)
                except Exception as error:  # noqa: BLE001 - nobody above could do more
                    self._fail(shard, error)
                    return
                buffer.drop(len(head))
                due -= sum(len(run.records) for run in head)
            self._regulate()

    async def _buffer(self, run: Run, buffer: ShardBuffer) -> None:
        next_offset = buffer.next_offsets[run.topic]
        fresh = run.from_offset(next_offset)
        if not fresh:
            return
        first, last, consumer = fresh[0].offset, fresh[-1].offset, self._consumer()
        if first > next_offset and consumer is not None:
            tp = TopicPartition(run.topic, run.shard)
            async with asyncio.timeout(_BROKER_SECONDS):
                await refuse_gap(consumer, tp, next_offset, first, last)
            if self._buffers.get(run.shard) is not buffer:
                return
        buffer.add(Run(run.topic, run.shard, fresh))

    async def _apply(self, shard: int, own: Ownership, head: Sequence[Run]) -> None:
        reached = {run.topic: _reached(run.records[-1]) for run in head}
        batch = Batch(shard, own.cluster_id, [*chain.from_iterable(run.records for run in head)])
        failpoint("ledger.before_transaction")
        async with self._database.write() as session:
            await self._store.lock(session, shard, own.epoch, own.next_offsets)
            failpoint("ledger.after_lock")
            fold = await self._work.apply(session, batch)
            await self._store.advance(session, shard, reached)
            failpoint("ledger.after_apply")
        failpoint("ledger.after_commit")
        for topic, offset in reached.items():
            own.next_offsets[topic] = offset.next_offset
            own.applied_through[topic] = max(own.applied_through[topic], offset.applied_through)
        fold()
        self._refused_by_work.discard(shard)
        self.refusals.pop(shard, None)

    async def give_up(self, shard: int, own: Ownership, error: Exception) -> None:
        """Acquire a shard anew after its holder failed on its own: memory may not be trusted."""
        async with self.lock:
            if self.owned.get(shard) is own:
                self._fail(shard, error)

    def _fail(self, shard: int, error: Exception) -> None:
        """Give a shard up and acquire it again: memory is read back from what is stored."""
        self._note(shard, error)
        self._release(shard)
        after_seconds = 0.0
        if isinstance(error, RefusedError):
            self._refused_by_work.add(shard)  # acquiring it again proves nothing
            after_seconds = self._delays.refused_seconds
        elif isinstance(error, FencedError):
            # the rightful owner may be another: by then, our own heartbeat has told us so
            after_seconds = self._delays.fenced_seconds * random.uniform(1, 2)  # noqa: S311
        self._reacquire(shard, after_seconds)

    def _hold(self, shard: int, own: Ownership, partitions: Sequence[TopicPartition]) -> None:
        self.owned[shard] = own
        self._buffers[shard] = ShardBuffer(own.next_offsets, self._limits.max_flush_records)
        consumer = self._consumer()
        if consumer is not None:
            held_back = self._topics if self.paused else ()
            consumer.resume(*(tp for tp in partitions if tp.topic not in held_back))

    def _release(self, shard: int) -> None:
        super()._release(shard)
        self._buffers.pop(shard, None)
        self._regulate()

    def _regulate(self) -> None:
        self._backpressure.regulate(self._consumer(), self._held(), self.buffered())

    def _held(self) -> list[TopicPartition]:
        return [TopicPartition(topic, shard) for shard in self.owned for topic in self._topics]


def _reached(last: Record) -> StoredOffset:
    appended_at = datetime.fromtimestamp(last.timestamp / 1000, UTC)
    return StoredOffset(last.offset + 1, appended_at)
