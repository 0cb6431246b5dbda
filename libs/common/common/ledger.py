"""Exactly-once effect: a shard's state and its offsets change in one PostgreSQL transaction.

A shard is one partition number of all input topics. Its owner holds an epoch; whoever acquires
the shard next raises it, so that a process which was frozen meanwhile cannot commit. Kafka's own
committed offsets are not used.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError

from common.clock import Clock
from common.database import Database
from common.failpoints import failpoint
from common.kafka import Record
from common.ledger_store import ForeignClusterError, LedgerStore, StoredOffset, reset_ledger
from common.log_bounds import LogBounds, log_bounds, refuse_gap
from common.settings import KafkaSettings
from common.shard import NEVER, Batch, Ownership, ShardWork

__all__ = ["NEVER", "Batch", "Ownership", "ShardLedger", "ShardWork", "reset_ledger"]

log = structlog.get_logger()

_REFUSED_SECONDS = 5.0
_FIRST_RETRY_SECONDS = 0.1


class ShardLedger(ConsumerRebalanceListener):  # type: ignore[misc]
    """Follows a consumer's assignment and applies its batches to the shards it owns."""

    def __init__(  # noqa: PLR0913 - the parts are named at the one place that wires them
        self,
        *,
        schema: str,
        owner: str,
        topics: Sequence[str],
        kafka: KafkaSettings,
        database: Database,
        work: ShardWork,
        clock: Clock,
    ) -> None:
        self.owned: dict[int, Ownership] = {}
        self.refusals: dict[int, str] = {}
        self.lock = asyncio.Lock()
        self._store = LedgerStore(schema)
        self._owner, self._topics, self._kafka = owner, tuple(topics), kafka
        self._database, self._work, self._clock = database, work, clock
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self._generation = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Tell where the consumer is found; it exists only once the broker has started."""
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the running transaction end, then give up everything."""
        self._generation += 1
        self.refusals.clear()
        async with self.lock:
            for shard in {tp.partition for tp in revoked}:
                self._release(shard)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Acquire in the background: aiokafka fetches before this returns, so pause first."""
        consumer = self._consumer()
        if consumer is None or not assigned:
            return
        consumer.pause(*assigned)
        by_shard: dict[int, list[TopicPartition]] = defaultdict(list)
        for tp in assigned:
            by_shard[tp.partition].append(tp)
        for shard, partitions in by_shard.items():
            self._spawn(shard, partitions)

    async def handle(self, records: Sequence[Record]) -> None:
        """Apply a batch, shard by shard. Never raises: a failed shard is acquired again."""
        by_shard: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_shard[record.partition].append(record)
        async with self.lock:
            for shard, batch in by_shard.items():
                try:
                    await self._apply(shard, batch)
                except Exception as error:  # noqa: BLE001 - FastStream would skip the batch
                    log.warning("shard_batch_failed", shard=shard, error=repr(error))
                    self._release(shard)
                    self._reacquire(shard)

    async def probe(self) -> None:
        """Ask Kafka where the logs end, and note which shards have applied all of them."""
        consumer, asked_at = self._consumer(), self._clock()
        partitions = [
            TopicPartition(topic, shard) for shard in self.owned for topic in self._topics
        ]
        if consumer is None or not partitions:
            return
        ends = await consumer.end_offsets(partitions)
        for tp, end in ends.items():
            own = self.owned.get(tp.partition)
            if own is not None and own.next_offsets[tp.topic] >= end:
                own.applied_through[tp.topic] = max(own.applied_through[tp.topic], asked_at)

    async def close(self) -> None:
        """Stop acquiring."""
        self._generation += 1
        for task in self._tasks:
            task.cancel()

    async def _apply(self, shard: int, records: Sequence[Record]) -> None:
        own = self.owned.get(shard)
        if own is None:
            return  # not ours, or not loaded yet: the seek to come brings the records again
        fresh = [r for r in records if r.offset >= own.next_offsets[r.topic]]
        if not fresh:
            return
        await refuse_gap(self._consumer(), own.next_offsets, fresh)
        reached = {
            r.topic: StoredOffset(r.offset + 1, datetime.fromtimestamp(r.timestamp / 1000, UTC))
            for r in fresh
        }
        failpoint("ledger.before_transaction")
        async with self._database.write() as session:
            await self._store.lock(session, shard, own.epoch, own.next_offsets)
            failpoint("ledger.after_lock")
            fold = await self._work.apply(session, Batch(shard, own.cluster_id, fresh))
            await self._store.advance(session, shard, reached)
            failpoint("ledger.after_apply")
        failpoint("ledger.after_commit")
        for topic, offset in reached.items():
            own.next_offsets[topic] = offset.next_offset
            own.applied_through[topic] = max(own.applied_through[topic], offset.applied_through)
        fold()

    def _release(self, shard: int) -> None:
        if self.owned.pop(shard, None) is not None:
            self._work.release(shard)

    def _reacquire(self, shard: int) -> None:
        consumer = self._consumer()
        partitions = [TopicPartition(topic, shard) for topic in self._topics]
        try:
            if consumer is not None:
                consumer.pause(*partitions)
                self._spawn(shard, partitions)
        except IllegalStateError:
            return  # a rebalance has taken the shard already

    def _spawn(self, shard: int, partitions: Sequence[TopicPartition]) -> None:
        task = asyncio.create_task(self._acquire_until_held(shard, partitions, self._generation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acquire_until_held(
        self, shard: int, partitions: Sequence[TopicPartition], generation: int
    ) -> None:
        delay = _FIRST_RETRY_SECONDS
        while generation == self._generation:
            try:
                await self._acquire(shard, partitions, generation)
            except ForeignClusterError as error:
                log.critical("shard_refused", shard=shard, reason=str(error))
                self.refusals[shard] = str(error)
                await asyncio.sleep(_REFUSED_SECONDS)
            except Exception as error:  # noqa: BLE001 - nothing else would try again
                log.warning("shard_acquire_retry", shard=shard, error=repr(error))
                await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311
                delay = min(delay * 2, 5)
            else:
                return

    async def _acquire(
        self, shard: int, partitions: Sequence[TopicPartition], generation: int
    ) -> None:
        consumer = self._consumer()
        if consumer is None:
            raise LookupError("no consumer yet")
        bounds = await log_bounds(self._kafka, consumer, partitions, self._clock)
        async with self.lock:
            if generation != self._generation:
                return
            self._release(shard)
            try:
                epoch, stored = await self._take(shard, bounds)
            except BaseException:
                self._work.release(shard)  # what a failed transaction has read is not held
                raise
        if generation != self._generation:
            self._work.release(shard)
            return
        for tp in partitions:
            consumer.seek(tp, stored[tp.topic].next_offset)
        self.owned[shard] = Ownership(
            epoch,
            bounds.cluster_id,
            {topic: offset.next_offset for topic, offset in stored.items()},
            bounds.applied_through(stored),
        )
        self.refusals.pop(shard, None)
        consumer.resume(*partitions)
        log.info("shard_acquired", shard=shard, epoch=epoch)

    async def _take(self, shard: int, bounds: LogBounds) -> tuple[int, dict[str, StoredOffset]]:
        async with self._database.write() as session:
            epoch, stored = await self._store.acquire(
                session,
                shard,
                self._owner,
                bounds.cluster_id,
                bounds.starts_by_topic(),
                volatile=self._kafka.broker == "memory",
            )
            bounds.refuse_outside(stored)
            await self._work.load(session, shard)
        return epoch, stored
