"""Define what the ledger and a consumer's work share: batches, ownership, state topics, calls.

State topics are compacted: each record replaces the one before it with the same key. The owner of
a shard reads its partition of them from the beginning and keeps nothing of it in PostgreSQL.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.kafka.client import Record
from common.storage.database import WriteSession

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class RefusedError(Exception):
    """A shard must stop until an operator has looked; the message says why."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one shard, in order within each topic, none of them applied before."""

    shard: int
    cluster_id: str
    records: Sequence[Record]


class ShardWork(ABC):
    """What a consumer does with the shards it owns."""

    @abstractmethod
    async def load(self, session: WriteSession, shard: int) -> None:
        """Read the shard's state; called with its row locked, before the first `apply`.

        RefusedError says that the shard should not be held as it is.
        """

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write the batch's effect; return what brings memory up to it after the commit.

        Wrong content is handled inside; whatever is raised means: try the batch again.
        RefusedError means that it should not be applied at all; it is tried again, but slowly.
        Without an implementation every batch is refused, or its records would be lost in silence.
        """
        del session
        raise _not_taken(batch.shard, batch.records)

    def observe(self, shard: int, records: Sequence[Record]) -> None:
        """Apply consecutive records of one state topic, for a shard that is held.

        It changes memory only, and must not raise for a record's content. Without an
        implementation they are refused, as those of `apply` are.
        """
        raise _not_taken(shard, records)

    @abstractmethod
    def release(self, shard: int) -> None:
        """Forget the shard's state in memory."""


def _not_taken(shard: int, records: Sequence[Record]) -> RefusedError:
    topics = sorted({record.topic for record in records})
    return RefusedError(f"shard {shard}: nothing here takes records of {topics}")


@dataclass(slots=True)
class StateTopicProgress:
    """Track how far the state topics of a shard are read since it was acquired."""

    starts: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def at_start(
        cls, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> "StateTopicProgress":
        """Ask the broker where a shard's state topics begin and end."""
        if not partitions:
            return cls()
        starts: Mapping[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
        return cls(
            {tp.topic: start for tp, start in starts.items()},
            {tp.topic: end for tp, end in ends.items() if end > starts[tp]},
        )

    @property
    def complete(self) -> bool:
        """Whether all that stood there when the shard was acquired has been read."""
        return not self.ends

    def reached(self, topic: str, next_offset: int) -> None:
        """Note that a topic is read up to there."""
        if next_offset >= self.ends.get(topic, next_offset + 1):
            del self.ends[topic]


@dataclass(slots=True)
class Ownership:
    """A shard that we hold. `applied_through`: all appended before is applied, by topic."""

    epoch: int
    cluster_id: str
    next_offsets: dict[str, int]
    applied_through: dict[str, datetime]
    state_topics: StateTopicProgress = field(default_factory=StateTopicProgress)

    def oldest_applied(self) -> datetime:
        """Return the instant up to which every topic is applied."""
        return min(self.applied_through.values(), default=NEVER)
