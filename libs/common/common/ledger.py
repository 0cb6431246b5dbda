"""Exactly-once effect: a shard's state and its offsets change in one PostgreSQL transaction.

A shard is one partition number of all input topics. Its owner holds an epoch; whoever acquires
the shard next raises it, so that a process which was frozen meanwhile cannot commit. Kafka's own
committed offsets are not used.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IllegalStateError, KafkaError

from common.clock import Clock
from common.database import Database, WriteSession
from common.failpoints import failpoint
from common.kafka import Record
from common.ledger_store import ForeignClusterError, LedgerStore, StoredOffset
from common.settings import DatabaseSettings, KafkaSettings

log = structlog.get_logger()

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one shard, in order within each topic, none of them applied before."""

    shard: int
    cluster_id: str
    records: Sequence[Record]


class ShardWork(Protocol):
    """What a consumer does with the shards it owns."""

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read the shard's state; called with its row locked, before the first `apply`."""

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write the batch's effect; return what brings memory up to it after the commit.

        Wrong content is dealt with inside; whatever is raised means: try the batch again.
        """

    def release(self, shard: int) -> None:
        """Forget the shard's state in memory."""


@dataclass(slots=True)
class Ownership:
    """A shard that we hold. `applied_through`: all appended before is applied, by topic."""

    epoch: int
    cluster_id: str
    next_offsets: dict[str, int]
    applied_through: dict[str, datetime]

    def oldest_applied(self) -> datetime:
        """Return the instant up to which every topic is applied."""
        return min(self.applied_through.values(), default=NEVER)


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
        await self._refuse_gap(own, fresh)
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

    async def _refuse_gap(self, own: Ownership, fresh: Sequence[Record]) -> None:
        """Raise where retention has taken records that were not applied.

        Other gaps are legal: transactional producers leave control records.
        """
        first: dict[TopicPartition, int] = {}
        for record in fresh:
            first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        gaps = [tp for tp, offset in first.items() if offset > own.next_offsets[tp.topic]]
        consumer = self._consumer()
        if gaps and consumer is not None:
            for tp, start in (await consumer.beginning_offsets(gaps)).items():
                if start > own.next_offsets[tp.topic]:
                    raise LookupError(f"{tp}: the log begins at {start}, after what is applied")

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
        delay = 0.1
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
        cluster_id = await _cluster_id(self._kafka)
        asked_at = self._clock()
        starts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        async with self.lock, self._database.write() as session:
            if generation != self._generation:
                return
            epoch, stored = await self._store.acquire(
                session,
                shard,
                self._owner,
                cluster_id,
                {tp.topic: start for tp, start in starts.items()},
                volatile=self._kafka.broker == "memory",
            )
            _refuse_out_of_range(stored, starts, ends)
            self._work.release(shard)
            await self._work.load(session, shard)
        if generation != self._generation:
            self._work.release(shard)
            return
        for tp in partitions:
            consumer.seek(tp, stored[tp.topic].next_offset)
        self.owned[shard] = Ownership(
            epoch,
            cluster_id,
            {topic: offset.next_offset for topic, offset in stored.items()},
            {
                tp.topic: asked_at
                if stored[tp.topic].next_offset >= ends[tp]
                else stored[tp.topic].applied_through
                for tp in partitions
            },
        )
        self.refusals.pop(shard, None)
        consumer.resume(*partitions)
        log.info("shard_acquired", shard=shard, epoch=epoch)


def _refuse_out_of_range(
    stored: Mapping[str, StoredOffset],
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> None:
    for tp, start in starts.items():
        offset = stored[tp.topic].next_offset
        if not start <= offset <= ends[tp]:
            raise ForeignClusterError(
                f"{tp.topic} partition {tp.partition}: {offset} is to be applied next, the log "
                f"holds {start} to {ends[tp]}; the topic was made anew or retention has passed. "
                "To begin at the log's start, run `burnline ledger reset`"
            )


async def _cluster_id(kafka: KafkaSettings) -> str:
    admin = AIOKafkaAdminClient(**kafka.client_options())
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    except KafkaError as error:
        raise ConnectionError(f"no answer from the broker: {error!r}") from error
    finally:
        await admin.close()


async def reset_ledger(database_url: str, schema: str) -> None:
    """Let a schema's shards begin at the start of the log of the broker they find next."""
    settings = DatabaseSettings(DATABASE_URL=database_url)
    database = Database.connect(settings, "ledger-reset")
    try:
        async with database.write() as session:
            await LedgerStore(schema).reset(session)
    finally:
        await database.close()
