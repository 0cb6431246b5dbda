"""What stands on a topic, read in full and directly."""

from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.kafka.client import partitions_of


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record of a topic; `appended_ms` since 1970."""

    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def header(self, name: str) -> str | None:
        """Return a header's text, or None where there is none of that name."""
        found = (value for key, value in self.headers if key == name and value is not None)
        value = next(found, None)
        return None if value is None else value.decode(errors="replace")


async def read_log(bootstrap: str, topic: str) -> list[LogRecord]:
    """Return all records, by partition and offset."""
    async with _consumer(bootstrap) as consumer:
        partitions = await _assign(consumer, topic)
        ends = await consumer.end_offsets(partitions)
        found: list[LogRecord] = []
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            batches = await consumer.getmany(timeout_ms=200, max_records=5000)
            found += [_log_record(record) for records in batches.values() for record in records]
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def log_ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the offset after the last record, by partition."""
    async with _consumer(bootstrap) as consumer:
        ends = await consumer.end_offsets(await _assign(consumer, topic))
    return {tp.partition: end for tp, end in ends.items()}


def _consumer(bootstrap: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )


async def _assign(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    numbers = await partitions_of(consumer, topic)
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    return partitions


def _log_record(record: Any) -> LogRecord:
    return LogRecord(
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers or ()),
    )
