"""Topics of levels: each record replaces the one before it with the same key.

They are compacted, so that the owner of a shard reads its partition from the beginning and keeps
nothing of it in PostgreSQL.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.kafka.client import Record


@dataclass(frozen=True, slots=True)
class StateTopics:
    """Level topics that a consumer reads beside its inputs, and what takes their records.

    `observe(shard, records)` gets neighbours of one topic, for a shard that is held; it changes
    memory only, and must not raise for a record's content. `load` and `release` of the shard's
    work frame its calls.
    """

    topics: tuple[str, ...] = ()
    observe: Callable[[int, Sequence[Record]], None] = lambda _shard, _records: None


@dataclass(slots=True)
class LevelReading:
    """How far the levels of a shard are read since it was acquired, by topic."""

    starts: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all that stood there when the shard was acquired has been read."""
        return not self.ends

    def reached(self, topic: str, next_offset: int) -> None:
        """Note that a topic is read up to there."""
        if next_offset >= self.ends.get(topic, next_offset + 1):
            del self.ends[topic]


async def level_reading(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> LevelReading:
    """Ask the broker where a shard's levels begin and end."""
    if not partitions:
        return LevelReading()
    starts: Mapping[TopicPartition, int] = await consumer.beginning_offsets(partitions)
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
    return LevelReading(
        {tp.topic: start for tp, start in starts.items()},
        {tp.topic: end for tp, end in ends.items() if end > starts[tp]},
    )
