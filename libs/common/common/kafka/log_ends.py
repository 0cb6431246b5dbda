"""Read the ends of logs, and the age of the oldest record that is not applied.

A log has two ends. Readers of committed records see it up to the last stable offset, before the
first record of an open transaction; the high watermark is behind the last record that is written.
Whoever wants to know whether all that was sent is applied asks for the high watermark.
"""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED

from common.config.settings import KafkaSettings
from common.kafka.client import partitions_of, started
from common.kafka.tolerant_records import UndecodableBatch, undecodable_batch

TIMEOUT_SECONDS = 5.0
_ANSWER_MILLISECONDS = 5_000
_FETCH_SECONDS = 1.0
_FETCH_BYTES = 16_384  # of one record the broker sends all, however long it is


@dataclass(frozen=True, slots=True)
class LogEnd:
    """A partition's bounds; `oldest_waiting_at` is the append time of the next record, if any.

    `undecodable` is the batch that comes next, where it is one that no record can be read from.
    `end_offset` is the high watermark. `stable_offset` lies before it while a transaction is open:
    what is behind it can be applied only once the transaction has ended.
    """

    first_offset: int
    stable_offset: int
    end_offset: int
    oldest_waiting_at: datetime | None
    undecodable: UndecodableBatch | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What comes next in a partition."""

    appended_at: datetime | None
    undecodable: UndecodableBatch | None = None


async def high_watermarks(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the offset behind the last record of each partition, committed or not.

    A consumer of committed records asks for the last stable offset instead. Raises KafkaError.
    """
    asker = copy.copy(consumer._fetcher)  # noqa: SLF001 - no public way to ask for both
    asker._isolation_level = READ_UNCOMMITTED  # noqa: SLF001
    ends: dict[TopicPartition, int] = await asker.end_offsets(partitions, _ANSWER_MILLISECONDS)
    return ends


async def read_log_ends(
    kafka: KafkaSettings, topics: Sequence[str], next_offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, LogEnd]:
    """Return the ends of all partitions, and of those behind the age of what comes next.

    `next_offsets`: what is to be applied next; a partition that is not named is whole to come.
    Raises KafkaError or TimeoutError where no broker answers in time.
    """
    async with asyncio.timeout(TIMEOUT_SECONDS):
        async with _asker(kafka, "read_committed") as consumer:
            partitions = [
                TopicPartition(topic, number)
                for topic in topics
                for number in sorted(await partitions_of(consumer, topic))
            ]
            first = await consumer.beginning_offsets(partitions)
            stable = await consumer.end_offsets(partitions)
            end = await high_watermarks(consumer, partitions)
            waiting = {
                tp: max(next_offsets.get(tp, 0), first[tp])
                for tp in partitions
                if next_offsets.get(tp, first[tp]) < stable[tp]
            }
            found = await _next_records(consumer, waiting)
        open_ = {tp: stable[tp] for tp in partitions if stable[tp] < end[tp] and tp not in found}
        if open_:
            async with _asker(kafka, "read_uncommitted") as consumer:
                found |= await _next_records(consumer, open_)
    unknown = _Waiting(None)
    return {
        tp: LogEnd(first[tp], stable[tp], end[tp], one.appended_at, one.undecodable)
        for tp in partitions
        for one in [found.get(tp, unknown)]
    }


def _asker(
    kafka: KafkaSettings, isolation_level: str
) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **kafka.client_options(),
        enable_auto_commit=False,
        isolation_level=isolation_level,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    return started(consumer)


async def _next_records(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, _Waiting]:
    """Return when the record at each offset, or the first after it, was appended."""
    found: dict[TopicPartition, _Waiting] = {}
    consumer.assign([*offsets])
    for tp, offset in offsets.items():
        consumer.seek(tp, offset)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _FETCH_SECONDS
    while len(found) < len(offsets) and loop.time() < deadline:
        batches = await consumer.getmany(timeout_ms=200, max_records=len(offsets))
        for tp, records in batches.items():
            if records and tp not in found:
                found[tp] = _Waiting(_instant(records[0].timestamp))
                consumer.pause(tp)
        for tp in offsets:
            if tp not in found and (batch := undecodable_batch(consumer, tp)):
                found[tp] = _Waiting(_instant(batch.timestamp), batch)
    return found


def _instant(timestamp: int | None) -> datetime | None:
    """Return an append time; None where a record of an old format or a damaged one has none."""
    try:
        return None if timestamp is None else datetime.fromtimestamp(timestamp / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
