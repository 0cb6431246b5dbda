"""Where logs end, and since when what is not applied has been waiting in them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.config.settings import KafkaSettings
from common.kafka.client import partitions_of

TIMEOUT_SECONDS = 5.0
_FETCH_SECONDS = 1.0
_FETCH_BYTES = 16_384  # of one record the broker sends all, however long it is


@dataclass(frozen=True, slots=True)
class LogEnd:
    """A partition's bounds; `oldest_waiting_at` is the append time of the next record, if any."""

    first_offset: int
    end_offset: int
    oldest_waiting_at: datetime | None


async def read_log_ends(
    kafka: KafkaSettings, topics: Sequence[str], next_offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, LogEnd]:
    """Return the ends of all partitions, and of those behind the age of what comes next.

    `next_offsets`: what is to be applied next; a partition that is not named is whole to come.
    Raises KafkaError or TimeoutError where no broker answers in time.
    """
    consumer = AIOKafkaConsumer(
        **kafka.client_options(),
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await consumer.start()
            return await _ends(consumer, topics, next_offsets)
    finally:
        await consumer.stop()


async def _ends(
    consumer: AIOKafkaConsumer, topics: Sequence[str], next_offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, LogEnd]:
    partitions = [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(await partitions_of(consumer, topic))
    ]
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    waiting = {
        tp: max(next_offsets.get(tp, 0), first[tp])
        for tp in partitions
        if next_offsets.get(tp, first[tp]) < end[tp]
    }
    ages = await _append_times(consumer, waiting)
    return {tp: LogEnd(first[tp], end[tp], ages.get(tp)) for tp in partitions}


async def _append_times(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, datetime]:
    """Return when the record at each offset, or the first after it, was appended."""
    found: dict[TopicPartition, datetime] = {}
    consumer.assign([*offsets])
    for tp, offset in offsets.items():
        consumer.seek(tp, offset)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _FETCH_SECONDS
    while len(found) < len(offsets) and loop.time() < deadline:
        batches = await consumer.getmany(timeout_ms=200, max_records=len(offsets))
        for tp, records in batches.items():
            if records and tp not in found:
                found[tp] = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
                consumer.pause(tp)
    return found
