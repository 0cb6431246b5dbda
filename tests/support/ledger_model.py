"""Fakes for the shard ledger: a log, a stored truth, and processes made of fakes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import TopicPartition

from common.config.settings import KafkaSettings
from common.kafka.client import Record
from common.ledger import ledger as ledger_module
from common.ledger.ledger import ShardLedger
from common.ledger.log_bounds import LogBounds
from common.ledger.read_buffer import LedgerLimits
from common.ledger.shard import NEVER, Batch, ShardWork
from common.ledger.store import FencedError, StoredOffset
from common.ledger.troubles import RetryDelays
from tests.support import kafka_records
from tests.support.consumer_runtime import consumer_runtime

TOPICS = ("metrics", "history")
SHARD = 0
NOW = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
PARTITIONS = [TopicPartition(topic, SHARD) for topic in TOPICS]
Applied = dict[str, list[int]]


@dataclass
class Truth:
    """What PostgreSQL holds: an epoch, the offsets, and the values applied, by topic."""

    epoch: int = 0
    offsets: dict[str, int] = field(default_factory=dict)
    applied: Applied = field(default_factory=lambda: {topic: [] for topic in TOPICS})

    def copy(self) -> "Truth":
        return Truth(self.epoch, {**self.offsets}, {t: [*v] for t, v in self.applied.items()})


@dataclass
class Servers:
    """The log, the stored truth, and what goes wrong with the next transaction."""

    log: Applied = field(default_factory=lambda: {topic: [] for topic in TOPICS})
    truth: Truth = field(default_factory=Truth)
    fault: str = ""
    open_from: dict[str, int] = field(default_factory=dict)  # first offset of a transaction
    row: asyncio.Lock = field(default_factory=asyncio.Lock)  # one transaction holds the shard


class FakeDatabase:
    """Transactions on the truth: a copy that is put in place at the end, or is not."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Truth]:
        fault, self._servers.fault = self._servers.fault, ""
        async with self._servers.row:
            draft = self._servers.truth.copy()
            yield draft
            await asyncio.sleep(0)
            if fault == "rollback":
                raise ConnectionError("the connection is gone before the commit")
            self._servers.truth = draft
            if fault == "lost reply":
                raise ConnectionError("the connection is gone after the commit")
            await asyncio.sleep(0)


class FakeStore:
    """The ledger's statements on the truth."""

    async def acquire(
        self,
        session: Truth,
        _shard: int,
        _owner: str,
        _cluster: str,
        starts: Mapping[str, int],
    ) -> tuple[int, dict[str, StoredOffset]]:
        session.epoch += 1
        session.offsets = {**starts, **session.offsets}
        return session.epoch, {t: StoredOffset(n, NEVER) for t, n in session.offsets.items()}

    async def lock(
        self, session: Truth, _shard: int, epoch: int, expected: Mapping[str, int]
    ) -> None:
        if (session.epoch, session.offsets) != (epoch, expected):
            raise FencedError

    async def advance(
        self, session: Truth, _shard: int, offsets: Mapping[str, StoredOffset]
    ) -> None:
        session.offsets.update({topic: o.next_offset for topic, o in offsets.items()})


class FakeConsumer:
    """Reads the log from its own positions; pausing and seeking as aiokafka does."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self.positions = dict.fromkeys(TOPICS, 0)
        self.paused: set[TopicPartition] = set()
        self.assigned: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused.difference_update(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition.topic] = offset

    async def high_watermarks(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        return {tp: len(self._servers.log[tp.topic]) for tp in partitions}

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        ends = await self.high_watermarks(partitions)
        return {tp: self._servers.open_from.get(tp.topic, end) for tp, end in ends.items()}

    def last_stable_offset(self, partition: TopicPartition) -> int:
        end = len(self._servers.log[partition.topic])
        return self._servers.open_from.get(partition.topic, end)

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition.topic]

    def poll(self, topic: str, most: int) -> list[Record]:
        """Return the next records, none of a paused partition."""
        if TopicPartition(topic, SHARD) in self.paused:
            return []
        start = self.positions[topic]
        end = self._servers.open_from.get(topic, start + most)
        values = self._servers.log[topic][start : min(start + most, end)]
        self.positions[topic] += len(values)
        return [record(topic, start + i, value) for i, value in enumerate(values)]


def record(topic: str, offset: int, value: int) -> Record:
    wire = str(value).encode()
    stamp = int(NOW.timestamp() * 1000)
    return kafka_records.record(
        topic, wire, partition=SHARD, offset=offset, timestamp=stamp, key=None
    )


class Work(ShardWork):
    """A consumer's work: append each value to what is stored and to what is in memory."""

    def __init__(self) -> None:
        self.memory: Applied | None = None

    async def load(self, session: Any, _shard: int) -> None:
        self.memory = session.copy().applied

    async def apply(self, session: Any, batch: Batch) -> Callable[[], None]:
        fresh = [(r.topic, int(r.value or b"")) for r in batch.records]
        for topic, value in fresh:
            session.applied[topic].append(value)
            await asyncio.sleep(0)

        def apply_in_memory() -> None:
            assert self.memory is not None
            for topic, value in fresh:
                self.memory[topic].append(value)

        return apply_in_memory

    def release(self, _shard: int) -> None:
        self.memory = None


class Process:
    """One process: its consumer, its work, its ledger."""

    def __init__(
        self,
        servers: Servers,
        limits: LedgerLimits | None = None,
        delays: RetryDelays | None = None,
        state_topics: Sequence[str] = (),
    ) -> None:
        self.consumer, self.work = FakeConsumer(servers), Work()
        self.in_flight: list[Record] = []
        self.flushes: set[asyncio.Task[None]] = set()
        self.state_partitions = [TopicPartition(topic, SHARD) for topic in state_topics]
        runtime = consumer_runtime(
            "test", kafka=KafkaSettings(), database=FakeDatabase(servers), clock=lambda: NOW
        )
        self.ledger = ShardLedger(runtime, self.work, TOPICS, state_topics, limits)
        self.ledger.delays = delays or RetryDelays(0, 0, 0, 0)
        store: Any = FakeStore()
        self.ledger._store = store
        self.ledger.attach(lambda: self.consumer)

    async def assign(self) -> None:
        """Be given the shard by the group."""
        self.consumer.assigned = {*PARTITIONS, *self.state_partitions}
        await self.ledger.on_partitions_assigned(self.consumer.assigned)

    async def revoke(self) -> None:
        """Have the shard taken by the group."""
        await self.ledger.on_partitions_revoked(self.consumer.assigned)
        self.consumer.assigned = set()

    def flush_later(self) -> None:
        """Begin a flush; what comes next happens while it runs."""
        task = asyncio.get_running_loop().create_task(self.ledger.flush())
        self.flushes.add(task)
        task.add_done_callback(self.flushes.discard)

    async def settle(self) -> None:
        """Let what runs in the background come to an end."""
        while tasks := {*self.ledger._tasks, *self.flushes}:
            await asyncio.gather(*tasks)

    async def kill(self) -> None:
        """End the process as it stands."""
        await self.ledger.close()
        for task in self.flushes:
            task.cancel()
        await asyncio.gather(*self.flushes, *self.ledger._tasks, return_exceptions=True)


def answer_by_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the ledger ask the model's log in place of a broker where logs begin and end."""
    monkeypatch.setattr(ledger_module, "log_bounds", _bounds)
    monkeypatch.setattr(ledger_module, "high_watermarks", FakeConsumer.high_watermarks)


async def _bounds(
    _kafka: KafkaSettings,
    consumer: FakeConsumer,
    partitions: Sequence[TopicPartition],
    clock: Callable[[], datetime],
) -> LogBounds:
    ends = await consumer.high_watermarks(partitions)
    for _ in range(5):
        await asyncio.sleep(0)  # much may happen until the broker has answered
    return LogBounds("cluster", clock(), dict.fromkeys(partitions, 0), ends)
