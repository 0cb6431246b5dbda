"""A burnrate service inside the test's event loop, on real servers, and what it left behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer

from burnrate.app import Burnrate
from burnrate.settings import AllSettings, BurnrateSettings
from common.config.settings import ConsumerSettings, DatabaseSettings, KafkaSettings
from common.events import Event, MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS, Topic
from common.service.consumer import Consumer
from tests.faults.harness.stored import read_counts
from tests.faults.harness.topic_log import read_log
from tests.support.servers.cluster import connection
from tests.support.waiting import PATIENCE_SECONDS

SHARDS = 4
HOLDS = True
Headers = list[tuple[str, bytes | None]]
Running = TypeVar("Running", bound=Consumer)


def servers(database_url: str, bootstrap: str) -> dict[str, Any]:
    """Return the settings of a consumer that name the servers of the test."""
    return {
        "kafka": KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap),
        "database": DatabaseSettings(DATABASE_URL=database_url),
    }


def burnrate_settings(database_url: str, bootstrap: str) -> AllSettings:
    """Return settings that name the servers of the test."""
    own = BurnrateSettings(tick_seconds=0.2)
    return AllSettings(burnrate=own, **servers(database_url, bootstrap))


def url(settings: ConsumerSettings) -> str:
    """Return the address of the test's database."""
    return settings.database.database_url.get_secret_value()


def boot(settings: ConsumerSettings) -> str:
    """Return the address of the test's broker."""
    return settings.kafka.bootstrap_servers[0]


@asynccontextmanager
async def served(service: Running) -> AsyncIterator[Running]:
    """Run a service until the block ends."""
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def burnrate(settings: AllSettings) -> AbstractAsyncContextManager[Burnrate]:
    """Run the service until the block ends."""
    return served(Burnrate(settings, SHARDS))


def event(service: str = "checkout", **fields: Any) -> MetricEvent:
    """Return an event of a moment ago."""
    given = {"total": 100, "bad": 1, "source": "test", **fields}
    given.setdefault("timestamp", datetime.now(UTC) - timedelta(seconds=30))
    return MetricEvent(service=service, **given)


def producer(bootstrap: str) -> AIOKafkaProducer:
    """Return a producer, to be entered."""
    return AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)


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


async def publish_in_order(
    bootstrap: str, topic: Topic[Any], shard: int, events: Sequence[tuple[str, Event]]
) -> None:
    """Publish (key, event) one after the other in a shard's partition."""
    async with producer(bootstrap) as client:
        for key, event in events:
            partition = shard if topic.sharded else 0
            await client.send_and_wait(
                topic.name, encode(event), key=key.encode(), partition=partition
            )


async def query(database_url: str, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    """Return the rows of a query."""
    async with connection(database_url) as opened:
        return await opened.fetch(sql, *arguments)


async def eventually(
    check: Callable[[], Awaitable[Any]], expected: Any = HOLDS, seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until the check gives what is expected; fail with what it gave last."""
    deadline = time.monotonic() + seconds
    while (found := await check()) != expected:
        assert time.monotonic() < deadline, f"expected {expected!r}, last seen {found!r}"
        await asyncio.sleep(0.02)


async def applied(database_url: str) -> int:
    """Return how many records all shards have applied."""
    rows = await query(database_url, "SELECT sum(next_offset)::bigint FROM burnrate.shard_offset")
    return rows[0][0] or 0


async def counted(database_url: str, resolution: int = 3600) -> dict[str, tuple[int, int]]:
    """Return (total, bad) by service."""
    async with connection(database_url) as opened:
        counts = await read_counts(opened)
    sums: dict[str, tuple[int, int]] = {}
    for (length, name, _), (total, bad, _) in counts.items():
        if length == resolution:
            old = sums.get(name, (0, 0))
            sums[name] = (old[0] + total, old[1] + bad)
    return sums


async def read_topic(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """Return every JSON value of a topic, with its headers under `_headers`."""
    return [
        {**msgspec.json.decode(record.value or b"{}"), "_headers": dict(record.headers)}
        for record in await read_log(bootstrap, topic)
    ]
