"""Which shards a process holds: acquired after each assignment, given up at each revocation.

A shard is one partition number of all input topics. Its owner holds an epoch; whoever acquires
the shard next raises it, so that a process which was frozen meanwhile cannot commit.
"""

import asyncio
import os
import random
import socket
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError

from common.config.clock import Clock
from common.config.settings import KafkaSettings
from common.ledger.backpressure import LedgerLimits
from common.ledger.log_bounds import LogBounds, log_bounds
from common.ledger.shard import Ownership, RefusedError, ShardWork, Trouble
from common.ledger.state_topics import StateTopics, level_reading
from common.ledger.store import LedgerStore, StoredOffset
from common.runtime.transient import TRANSIENT_ERRORS
from common.storage.database import Database

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetryDelays:
    """How long to wait until a shard is acquired again."""

    first_seconds: float = 0.1
    longest_seconds: float = 5.0
    refused_seconds: float = 5.0
    fenced_seconds: float = 1.0  # about the consumer's heartbeat interval


@dataclass(frozen=True, slots=True)
class LedgerParts:
    """What a ledger stands on: its schema, its topics, the servers, and the consumer's work."""

    schema: str
    topics: tuple[str, ...]
    kafka: KafkaSettings
    database: Database
    work: ShardWork
    clock: Clock
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    levels: StateTopics = field(default_factory=StateTopics)
    limits: LedgerLimits = field(default_factory=LedgerLimits)
    delays: RetryDelays = field(default_factory=RetryDelays)


class ShardOwnership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Follows a consumer's assignment; holds a shard once its state is in memory."""

    def __init__(self, parts: LedgerParts) -> None:
        self.owned: dict[int, Ownership] = {}
        self.refusals: dict[int, str] = {}
        self.troubles: dict[int, Trouble] = {}
        self.lock = asyncio.Lock()
        self._store = LedgerStore(parts.schema)
        self._owner, self._topics, self._kafka = parts.owner, parts.topics, parts.kafka
        self._database, self._work, self._clock = parts.database, parts.work, parts.clock
        self._levels, self._delays = parts.levels, parts.delays
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self._generation, self._has_joined = 0, False
        self._refused_by_work: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Tell where the consumer is found; it exists only once the broker has started."""
        self._consumer = consumer

    def assigned(self) -> set[int]:
        """Return the shards that the group has given to this process, held or not."""
        consumer = self._consumer()
        return {tp.partition for tp in consumer.assignment()} if consumer else set()

    def stands_by(self) -> bool:
        """Tell whether the group has more members than shards, so that this one has none."""
        return self._has_joined and not self.assigned()

    def excuses(self, since_seconds: float) -> dict[int, str]:
        """Return by shard why it does not get on: refused, or in trouble since that time.

        Time is the event loop's, in seconds.
        """
        recent = {s: t.reason for s, t in self.troubles.items() if t.at_seconds >= since_seconds}
        return {**recent, **self.refusals}

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the running transaction end, then give up everything."""
        self._generation += 1
        self._has_joined = False
        self.refusals.clear()
        self.troubles.clear()
        self._refused_by_work.clear()
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
            self._spawn(shard, partitions, 0.0)

    async def close(self) -> None:
        """Stop acquiring."""
        self._generation += 1
        for task in self._tasks:
            task.cancel()

    @abstractmethod
    def _hold(self, shard: int, own: Ownership, partitions: Sequence[TopicPartition]) -> None:
        """Hold a shard from now on, and let its partitions be read."""

    def _release(self, shard: int) -> None:
        """Give a shard up, if it is held."""
        if self.owned.pop(shard, None) is not None:
            self._work.release(shard)

    def _note(self, shard: int, error: Exception) -> None:
        """Remember why a shard does not get on, for who asks and for the watchdog."""
        if isinstance(error, RefusedError):
            log.critical("shard_refused", shard=shard, reason=str(error))
            self.refusals[shard] = str(error)
            return
        log.warning("shard_retry", shard=shard, error=repr(error))
        if isinstance(error, TRANSIENT_ERRORS):
            self.troubles[shard] = Trouble(repr(error), asyncio.get_running_loop().time())

    def _reacquire(self, shard: int, after_seconds: float) -> None:
        consumer = self._consumer()
        topics = (*self._topics, *self._levels.topics)
        partitions = [TopicPartition(topic, shard) for topic in topics]
        try:
            if consumer is not None:
                consumer.pause(*partitions)
                self._spawn(shard, partitions, after_seconds)
        except IllegalStateError:
            return  # a rebalance has taken the shard already

    def _spawn(
        self, shard: int, partitions: Sequence[TopicPartition], after_seconds: float
    ) -> None:
        self._run(self._acquire_until_held(shard, partitions, self._generation, after_seconds))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acquire_until_held(
        self,
        shard: int,
        partitions: Sequence[TopicPartition],
        generation: int,
        after_seconds: float,
    ) -> None:
        delay = self._delays.first_seconds
        await asyncio.sleep(after_seconds)
        while self._is_assigned(partitions, generation):
            try:
                await self._acquire(shard, partitions, generation)
            except RefusedError as error:
                self._note(shard, error)
                await asyncio.sleep(self._delays.refused_seconds)
            except Exception as error:  # noqa: BLE001 - nothing else would try again
                self._note(shard, error)
                await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311
                delay = min(delay * 2, self._delays.longest_seconds)
            else:
                return

    def _is_assigned(self, partitions: Sequence[TopicPartition], generation: int) -> bool:
        consumer = self._consumer()
        if generation != self._generation or consumer is None:
            return False
        assignment: Collection[TopicPartition] = consumer.assignment()
        return all(tp in assignment for tp in partitions)

    async def _acquire(
        self, shard: int, partitions: Sequence[TopicPartition], generation: int
    ) -> None:
        consumer = self._consumer()
        if consumer is None:
            raise LookupError("no consumer any more")
        inputs = [tp for tp in partitions if tp.topic in self._topics]
        levels = [tp for tp in partitions if tp.topic in self._levels.topics]
        bounds = await log_bounds(self._kafka, consumer, inputs, self._clock)
        reading = await level_reading(consumer, levels)
        async with self.lock:
            if not self._is_assigned(partitions, generation):
                return
            self._release(shard)
            try:
                epoch, stored = await self._take(shard, bounds)
                if not self._is_assigned(partitions, generation):
                    self._work.release(shard)
                    return
                for tp in inputs:
                    consumer.seek(tp, stored[tp.topic].next_offset)
                for tp in levels:
                    consumer.seek(tp, reading.starts[tp.topic])
            except BaseException:
                self._work.release(shard)  # what a failed transaction has read is not held
                raise
            own = Ownership(
                epoch,
                bounds.cluster_id,
                {topic: offset.next_offset for topic, offset in stored.items()},
                bounds.applied_through(stored),
                reading,
            )
            if shard not in self._refused_by_work:
                self.refusals.pop(shard, None)
            self._hold(shard, own, partitions)
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
