"""What the burnrate service has left in PostgreSQL and on topics, read in full and directly."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from common.kafka.client import partitions_of
from tests.faults.model import Cell, Effects, ServiceRow
from tests.support.burnrate_service import query


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


_MICROS = 1_000_000

_BLOCKS = """SELECT shard, resolution_seconds, extract(epoch FROM bucket_end)::bigint, counts
    FROM burnrate.count_block"""
_SLOTS = "SELECT shard, slot, service FROM burnrate.service"
_LATENCY = """SELECT resolution_seconds, service, extract(epoch FROM bucket_end)::bigint,
    bounds, counts FROM burnrate.latency"""
_SERVICES = """SELECT service, (extract(epoch FROM newest_at) * 1000000)::bigint,
    duplicates, event_id_conflicts, unidentified, misrouted FROM burnrate.service"""
_OFFSETS = "SELECT topic, shard, next_offset FROM burnrate.shard_offset"
_OUTBOX = "SELECT dedup_key, topic FROM burnrate.outbox"
_SNAPSHOTS = "SELECT service, payload FROM burnrate.snapshot"


async def read_effects(database_url: str) -> Effects:
    """Return all tables as they are in one transaction; dead letters are on their topic."""
    connection = await asyncpg.connect(database_url, ssl=False)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return Effects(
                counts=await _counts(connection),
                latency=await _latency(connection),
                services=await _services(connection),
                next_offsets=await _next_offsets(connection),
                waiting={row[0]: row[1] for row in await connection.fetch(_OUTBOX)},
                snapshots=await _snapshots(connection),
            )
    finally:
        await connection.close()


async def read_progress(database_url: str) -> tuple[dict[tuple[str, int], int], int]:
    """Return the next offset by topic and shard, and how many records wait in the outbox."""
    connection = await asyncpg.connect(database_url, ssl=False, timeout=5)
    try:
        waiting = await connection.fetchval(f"SELECT count(*) FROM ({_OUTBOX}) AS waiting")
        return await _next_offsets(connection), waiting
    finally:
        await connection.close()


async def read_epochs(database_url: str) -> dict[int, int]:
    """Return the epoch by shard."""
    rows = await query(database_url, "SELECT shard, epoch FROM burnrate.shard")
    return {row["shard"]: row["epoch"] for row in rows}


async def _counts(connection: Any) -> dict[Cell, tuple[int, int, int]]:
    """Unpack the blocks: [slots, 3] int64, total, bad and longest report of each service."""
    names = {(r[0], r[1]): r[2] for r in await connection.fetch(_SLOTS)}
    found: dict[Cell, tuple[int, int, int]] = {}
    for shard, resolution, end, packed in await connection.fetch(_BLOCKS):
        block = np.frombuffer(packed, "<i8").reshape(-1, 3)
        for slot in np.flatnonzero(block.any(axis=1)).tolist():
            name = names.get((shard, slot), f"slot {slot} of shard {shard}")
            total, bad, longest = block[slot].tolist()
            found[resolution, name, end] = (total, bad, longest)
    return found


async def _latency(connection: Any) -> dict[tuple[Cell, tuple[float, ...]], tuple[int, ...]]:
    rows = await connection.fetch(_LATENCY)
    return {((r[0], r[1], r[2]), tuple(r[3])): tuple(r[4]) for r in rows}


async def _services(connection: Any) -> dict[str, ServiceRow]:
    rows = await connection.fetch(_SERVICES)
    return {name: ServiceRow(*values) for name, *values in rows}


async def _next_offsets(connection: Any) -> dict[tuple[str, int], int]:
    return {(topic, shard): offset for topic, shard, offset in await connection.fetch(_OFFSETS)}


async def _snapshots(connection: Any) -> dict[str, tuple[int, int, tuple[int, ...]]]:
    found = {}
    for name, payload in await connection.fetch(_SNAPSHOTS):
        snapshot = msgspec.json.decode(payload)
        slo, counters = snapshot["slos"][0], snapshot["counters"]
        names = ("duplicates", "event_id_conflicts", "unidentified", "misrouted")
        found[name] = (slo["total"], slo["bad"], tuple(counters[n] for n in names))
    return found
