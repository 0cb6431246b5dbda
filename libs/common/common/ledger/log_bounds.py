"""Check a ledger against the broker's cluster and the bounds of its logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from common.config.clock import Clock
from common.config.settings import KafkaSettings
from common.kafka.client import administrator
from common.kafka.log_ends import high_watermarks
from common.ledger.store import ForeignClusterError, StoredOffset


@dataclass(frozen=True, slots=True)
class LogBounds:
    """First and next offset of some partitions, as they were at `asked_at` or later."""

    cluster_id: str
    asked_at: datetime
    starts: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]

    def starts_by_topic(self) -> dict[str, int]:
        """Return the first offsets, for the partitions of one shard."""
        return {tp.topic: start for tp, start in self.starts.items()}

    def applied_through(self, stored: Mapping[str, StoredOffset]) -> dict[str, datetime]:
        """Return by topic the instant before which all that was appended is applied."""
        return {
            tp.topic: self.asked_at
            if stored[tp.topic].next_offset >= end
            else stored[tp.topic].applied_through
            for tp, end in self.ends.items()
        }

    def refuse_outside(self, stored: Mapping[str, StoredOffset]) -> None:
        """Raise ForeignClusterError where the log does not hold the offset to be applied next."""
        for tp, start in self.starts.items():
            offset, end = stored[tp.topic].next_offset, self.ends[tp]
            if not start <= offset <= end:
                raise ForeignClusterError(
                    f"{tp.topic} partition {tp.partition}: {offset} is to be applied next, the "
                    f"log holds {start} to {end}; the topic was made anew or retention has "
                    "passed. To begin at the log's start, run `burnline ledger reset`"
                )


async def log_bounds(
    kafka: KafkaSettings,
    consumer: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    clock: Clock,
) -> LogBounds:
    """Ask the broker. Raises KafkaError or ConnectionError where it does not answer."""
    cluster_id = await _cluster_id(kafka)
    asked_at = clock()
    starts = await consumer.beginning_offsets(partitions)
    return LogBounds(cluster_id, asked_at, starts, await high_watermarks(consumer, partitions))


async def refuse_gap(
    consumer: AIOKafkaConsumer, tp: TopicPartition, next_offset: int, first: int, last: int
) -> None:
    """Raise LookupError where records `first` to `last` skip some from `next_offset` on.

    Retention may have taken them, or these were fetched before the ledger moved the consumer
    back. Other gaps are legal: transactional producers leave control records.
    """
    start = (await consumer.beginning_offsets([tp]))[tp]
    if start > next_offset:
        raise LookupError(f"{tp}: the log begins at {start}, after what is applied")
    if await consumer.position(tp) <= last:
        raise LookupError(f"{tp}: {first} was fetched before the consumer was moved back")


async def _cluster_id(kafka: KafkaSettings) -> str:
    try:
        async with administrator(kafka) as admin:
            return str((await admin.describe_cluster())["cluster_id"])
    except KafkaError as error:
        raise ConnectionError(f"no answer from the broker: {error!r}") from error
