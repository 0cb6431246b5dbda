"""A burnrate service inside the test's event loop, on real servers, and what it left behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from burnrate.app import Burnrate
from burnrate.settings import AllSettings, BurnrateSettings
from common.events import MetricEvent, encode
from common.settings import AdmissionSettings, DatabaseSettings, KafkaSettings, Settings
from common.sharding import shard_of
from common.topics import METRICS

SHARDS = 4
Headers = list[tuple[str, bytes | None]]


class TestSettings(AllSettings):
    """Settings that name the servers of the test."""

    __test__ = False

    def __init__(self, database_url: str, bootstrap: str) -> None:
        self.service = Settings()
        self.burnrate = BurnrateSettings(BURNRATE_TICK_SECONDS=0.2)
        self.kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap)
        self.database = DatabaseSettings(DATABASE_URL=database_url)
        self.admission = AdmissionSettings()


@asynccontextmanager
async def burnrate(settings: AllSettings) -> AsyncIterator[Burnrate]:
    """Run the service until the block ends."""
    service = Burnrate(settings, SHARDS)
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def event(service: str = "checkout", **fields: Any) -> MetricEvent:
    """Return an event of a moment ago."""
    given = {"total": 100, "bad": 1, "source": "test", **fields}
    given.setdefault("timestamp", datetime.now(UTC) - timedelta(seconds=30))
    return MetricEvent(service=service, **given)


@asynccontextmanager
async def producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer."""
    client = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def publish(
    bootstrap: str,
    values: Sequence[MetricEvent | bytes | None],
    *,
    topic: str = METRICS.name,
    partition: int | None = None,
    headers: Callable[[int], Headers] = lambda _: [],
) -> None:
    """Publish in order; to the owner's partition unless another is named."""
    async with producer(bootstrap) as client:
        sent = []
        for number, value in enumerate(values, start=1):
            body = encode(value) if isinstance(value, MetricEvent) else value
            key = None if body else b"key"
            home = partition
            if home is None:
                home = shard_of(value.service, SHARDS) if isinstance(value, MetricEvent) else 0
            sent.append(
                await client.send(topic, body, key=key, partition=home, headers=headers(number))
            )
        await asyncio.gather(*sent)


async def query(database_url: str, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    """Return the rows of a query."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


async def eventually(
    check: Callable[[], Awaitable[Any]], expected: Any, seconds: float = 20
) -> None:
    """Wait until the check gives what is expected; fail with what it gave last."""
    deadline = time.monotonic() + seconds
    while (found := await check()) != expected:
        assert time.monotonic() < deadline, f"expected {expected!r}, last seen {found!r}"
        await asyncio.sleep(0.1)


async def applied(database_url: str) -> int:
    """Return how many records all shards have applied."""
    rows = await query(database_url, "SELECT sum(next_offset)::bigint FROM burnrate.shard_offset")
    return rows[0][0] or 0


async def counted(database_url: str, resolution: int = 3600) -> dict[str, tuple[int, int]]:
    """Return (total, bad) by service."""
    rows = await query(
        database_url,
        "SELECT service, sum(total)::bigint, sum(bad)::bigint FROM burnrate.count "
        "WHERE resolution_seconds = $1 GROUP BY 1",
        resolution,
    )
    return {name: (total, bad) for name, total, bad in rows}


async def read_topic(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """Return every JSON value of a topic, with its headers under `_headers`."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    found: list[dict[str, Any]] = []
    try:
        while batches := await consumer.getmany(timeout_ms=1000):
            for records in batches.values():
                for record in records:
                    value = msgspec.json.decode(record.value)
                    found.append({**value, "_headers": dict(record.headers)})
    finally:
        await consumer.stop()
    return found
