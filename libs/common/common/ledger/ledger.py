"""Apply records exactly once: a shard's state and offsets change in one transaction.

A shard is one partition number of all input topics. A process acquires it after each assignment
and gives it up at each revocation; its owner holds an epoch, which whoever acquires the shard next
raises, so that a process which was frozen meanwhile cannot commit. What is read waits in memory
for the next flush, which applies it shard by shard; meanwhile reading goes on. Kafka's own
committed offsets are not used.
"""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError

from common.kafka.client import Record
from common.kafka.log_ends import high_watermarks
from common.ledger.log_bounds import LogBounds, log_bounds, refuse_gap
from common.ledger.read_buffer import Backpressure, LedgerLimits, Run, ShardBuffer, runs
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import (
    Batch,
    Ownership,
    RefusedError,
    ShardWork,
    StateTopicProgress,
)
from common.ledger.store import LedgerStore, StoredOffset
from common.ledger.troubles import RetryDelays, ShardTroubles
from common.runtime.failpoints import failpoint

log = structlog.get_logger()

_BROKER_SECONDS = 5.0  # for an answer that the broker has at hand


@dataclass(frozen=True, slots=True)
class _Assignment:
    """A shard's partitions as the group gave them, until it divides its shards anew."""

    shard: int
    partitions: Sequence[TopicPartition]
    generation: int


class ShardLedger(ConsumerRebalanceListener):  # type: ignore[misc]
    """Acquire the shards of a consumer's assignment; buffer its batches and apply them.

    `topics` are the inputs, whose offsets are stored; state topics are read beside them.
    """

    delays = RetryDelays()

    def __init__(
        self,
        runtime: ConsumerRuntime,
        work: ShardWork,
        topics: Sequence[str] = (),
        state_topics: Sequence[str] = (),
        limits: LedgerLimits | None = None,
    ) -> None:
        self.owned: dict[int, Ownership] = {}
        self.troubles = ShardTroubles()
        self.lag: dict[int, int] = {}  # records to be applied, of the shards that are probed
        self.held_back: set[int] = set()  # shards of which all comes behind an open transaction
        self.topics, self.state_topics = (*topics,), (*state_topics,)
        self.lock = asyncio.Lock()
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self._runtime, self._work = runtime, work
        self._store = LedgerStore(runtime.name)
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self._generation, self._has_joined = 0, False
        self._tasks: set[asyncio.Task[None]] = set()
        self._end_seen: dict[TopicPartition, int] = {}
        self._limits = limits or LedgerLimits()
        self._backpressure = Backpressure(self._limits)
        self._buffers: dict[int, ShardBuffer] = {}
        self._flushing = asyncio.Lock()
        self._flushing_early = False

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Set how to find the consumer, which exists only once the broker has started."""
        self._consumer = consumer

    def assigned(self) -> set[int]:
        """Return the shards that the group has given to this process, held or not."""
        consumer = self._consumer()
        return {tp.partition for tp in consumer.assignment()} if consumer else set()

    def stands_by(self) -> bool:
        """Return whether the group has more members than shards, so that this one has none."""
        return self._has_joined and not self.assigned()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the running transaction end, then release all revoked shards."""
        self._generation += 1
        self._has_joined = False
        self.troubles.clear()
        async with self.lock:
            for shard in {tp.partition for tp in revoked}:
                self._release(shard)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Acquire in the background: aiokafka fetches before this returns, so pause first."""
        self._has_joined = True
        consumer = self._consumer()
        if consumer is None or not assigned:
            return
        consumer.pause(*assigned)
        by_shard: dict[int, list[TopicPartition]] = defaultdict(list)
        for tp in assigned:
            by_shard[tp.partition].append(tp)
        for shard, partitions in by_shard.items():
            self._acquire_later(shard, partitions, 0.0)

    async def close(self) -> None:
        """Stop acquiring."""
        self._generation += 1
        for task in self._tasks:
            task.cancel()

    @property
    def paused(self) -> bool:
        """Whether reading is paused because too much waits to be applied."""
        return self._backpressure.paused

    def buffered(self) -> tuple[int, int]:
        """Return how many records wait to be applied, and the bytes of their keys and values."""
        waiting = self._buffers.values()
        return sum(b.records for b in waiting), sum(b.size_bytes for b in waiting)

    async def handle(self, records: Sequence[Record]) -> None:
        """Buffer a batch as the client gives it: each partition's records together, in order.

        Never raises, since FastStream would skip the batch: a failed shard is acquired again.
        """
        for run in runs(records):
            if run.topic in self.state_topics:
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
        """Pass on records of a state topic; those read before the seek will come again."""
        own, consumer = self.owned.get(run.shard), self._consumer()
        if own is None or consumer is None:
            return
        self._work.observe(run.shard, run.records)
        reached = run.records[-1].offset + 1
        with suppress(IllegalStateError):  # a rebalance has taken the shard
            # a position before it: fetched before the seek, so that what comes first is to come
            if await consumer.position(TopicPartition(run.topic, run.shard)) >= reached:
                own.state_topics.reached(run.topic, reached)

    async def flush(self) -> None:
        """Apply all that is buffered at this moment. Never raises: see `handle`."""
        async with self._flushing:
            due = {shard: (buffer, buffer.records) for shard, buffer in self._buffers.items()}
            for shard, (buffer, records) in due.items():
                await self._flush_shard(shard, buffer, records)

    async def probe(self) -> None:
        """Ask Kafka where the logs end; note how far behind each shard is, or that it is not."""
        consumer, asked_at = self._consumer(), self._runtime.clock()
        held = self._held() if consumer is not None else []
        before, self.lag = self._end_seen, {}  # unknown, should the broker not answer
        held_back: set[int] = set()
        if consumer is None or not held:
            return
        async with asyncio.timeout(_BROKER_SECONDS):
            ends = await high_watermarks(consumer, held)
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
                stable = consumer.last_stable_offset(tp)
                if stable is not None and own.next_offsets[tp.topic] >= stable:
                    held_back.add(tp.partition)
        self.lag, self._end_seen, self.held_back = lag, seen, held_back

    async def _has_seen(self, consumer: AIOKafkaConsumer, tp: TopicPartition, end: int) -> bool:
        """Return whether the client has read to the end, and all that it gave out is applied.

        The end of a transaction takes an offset and is no record: where one is last, the offset
        to be applied next stays before the end for ever. While a transaction is open, nobody can
        read on from its first record: the end is not seen. What the client has given out may
        still be on its way to us, so that a yes is believed once it is repeated for the same end.
        """
        own, buffer = self.owned.get(tp.partition), self._buffers.get(tp.partition)
        if own is None or buffer is None or buffer.records:
            return False
        return own.next_offsets[tp.topic] >= end or await consumer.position(tp) >= end

    def _is_full(self) -> bool:
        least = 1 if self.paused else self._limits.max_flush_records
        return any(b.records >= least for b in self._buffers.values())

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
        async with self._runtime.database.write() as session:
            await self._store.lock(session, shard, own.epoch, own.next_offsets)
            failpoint("ledger.after_lock")
            apply_to_memory = await self._work.apply(session, batch)
            await self._store.advance(session, shard, reached)
            failpoint("ledger.after_apply")
        failpoint("ledger.after_commit")
        for topic, offset in reached.items():
            own.next_offsets[topic] = offset.next_offset
            own.applied_through[topic] = max(own.applied_through[topic], offset.applied_through)
        apply_to_memory()
        self.troubles.applied(shard)

    async def give_up(self, shard: int, own: Ownership, error: Exception) -> None:
        """Acquire a shard anew after its holder failed on its own: memory may not be trusted."""
        async with self.lock:
            if self.owned.get(shard) is own:
                self._fail(shard, error)

    def _fail(self, shard: int, error: Exception) -> None:
        """Release a shard and acquire it again: its state is read back from what is stored."""
        self.troubles.note(shard, error, by_work=True)
        self._release(shard)
        self._reacquire(shard, self.delays.after(error))

    def _hold(self, shard: int, own: Ownership, partitions: Sequence[TopicPartition]) -> None:
        self.owned[shard] = own
        self._buffers[shard] = ShardBuffer(own.next_offsets, self._limits.max_flush_records)
        consumer = self._consumer()
        if consumer is not None:
            held_back = self.topics if self.paused else ()
            consumer.resume(*(tp for tp in partitions if tp.topic not in held_back))

    def _release(self, shard: int) -> None:
        """Release a shard, if it is held."""
        if self.owned.pop(shard, None) is not None:
            self._work.release(shard)
        self._buffers.pop(shard, None)
        self._regulate()

    def _regulate(self) -> None:
        self._backpressure.regulate(self._consumer(), self._held(), self.buffered())

    def _held(self) -> list[TopicPartition]:
        return [TopicPartition(topic, shard) for shard in self.owned for topic in self.topics]

    def _reacquire(self, shard: int, after_seconds: float) -> None:
        consumer = self._consumer()
        partitions = [TopicPartition(t, shard) for t in (*self.topics, *self.state_topics)]
        try:
            if consumer is not None:
                consumer.pause(*partitions)
                self._acquire_later(shard, partitions, after_seconds)
        except IllegalStateError:
            return  # a rebalance has taken the shard already

    def _acquire_later(
        self, shard: int, partitions: Sequence[TopicPartition], after_seconds: float
    ) -> None:
        assignment = _Assignment(shard, partitions, self._generation)
        self._run(self._acquire_until_held(assignment, after_seconds))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acquire_until_held(self, assignment: _Assignment, after_seconds: float) -> None:
        failures = 0
        await asyncio.sleep(after_seconds)
        while self._is_current(assignment):
            try:
                await self._acquire(assignment)
            except Exception as error:  # noqa: BLE001 - nothing else would try again
                self.troubles.note(assignment.shard, error)
                failures += not isinstance(error, RefusedError)
                await asyncio.sleep(self.delays.until_next_try(error, failures))
            else:
                return

    def _is_current(self, assignment: _Assignment) -> bool:
        consumer = self._consumer()
        if assignment.generation != self._generation or consumer is None:
            return False
        assigned: Collection[TopicPartition] = consumer.assignment()
        return all(tp in assigned for tp in assignment.partitions)

    async def _acquire(self, assignment: _Assignment) -> None:
        consumer, shard = self._consumer(), assignment.shard
        if consumer is None:
            raise LookupError("no consumer any more")
        inputs = [tp for tp in assignment.partitions if tp.topic in self.topics]
        state = [tp for tp in assignment.partitions if tp.topic in self.state_topics]
        bounds = await log_bounds(self._runtime.kafka, consumer, inputs, self._runtime.clock)
        progress = await StateTopicProgress.at_start(consumer, state)
        async with self.lock:
            if not self._is_current(assignment):
                return
            self._release(shard)
            try:
                epoch, stored = await self._take(shard, bounds)
                if not self._is_current(assignment):
                    self._work.release(shard)
                    return
                for tp in inputs:
                    consumer.seek(tp, stored[tp.topic].next_offset)
                for tp in state:
                    consumer.seek(tp, progress.starts[tp.topic])
            except BaseException:
                self._work.release(shard)  # what a failed transaction has read is not held
                raise
            next_offsets = {topic: offset.next_offset for topic, offset in stored.items()}
            through = bounds.applied_through(stored)
            own = Ownership(epoch, bounds.cluster_id, next_offsets, through, progress)
            self.troubles.acquired(shard)
            self._hold(shard, own, assignment.partitions)
        log.info("shard_acquired", shard=shard, epoch=epoch)

    async def _take(self, shard: int, bounds: LogBounds) -> tuple[int, dict[str, StoredOffset]]:
        async with self._runtime.database.write() as session:
            epoch, stored = await self._store.acquire(
                session, shard, self.owner, bounds.cluster_id, bounds.starts_by_topic()
            )
            bounds.refuse_outside(stored)
            await self._work.load(session, shard)
        return epoch, stored


def _reached(last: Record) -> StoredOffset:
    appended_at = datetime.fromtimestamp(last.timestamp / 1000, UTC)
    return StoredOffset(last.offset + 1, appended_at)
