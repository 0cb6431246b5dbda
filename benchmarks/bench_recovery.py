"""How soon a shard is loaded: 1 000 services with 30 days of counts, and the marks of a day.

Baseline: the bare client (asyncpg) fetches the same rows. Measured: the service's own load, until
every window can be evaluated; and the marks that the first live batch needs.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
from real_run import options, servers

from burnrate.domain.batch import DedupKeyKind
from burnrate.ingest.dedup import DEDUP_KEY, HourDedupKeys
from burnrate.settings import BurnrateSettings
from burnrate.storage.repository import read_dedup_keys
from burnrate.work import CountingWork
from common.config.settings import DatabaseSettings
from common.counts.layout import KEPT
from common.slo.windows import HOUR
from common.storage.database import Database
from tests.support.consumer_runtime import consumer_runtime

SHARD = 0
DAYS = 30
REPORTS_PER_HOUR = 360
_SERVICES = "INSERT INTO burnrate.service (service, shard, slot, newest_at) VALUES ($1, 0, $2, $3)"
_BLOCKS = "INSERT INTO burnrate.count_block VALUES (0, $1, $2, $3)"
_MARKS = "INSERT INTO burnrate.mark (shard, hour, marks) VALUES (0, $1, $2)"
_RAW = """SELECT bucket_end, counts FROM burnrate.count_block
    WHERE shard = 0 AND resolution_seconds = $1 AND bucket_end > $2"""
_RAW_MARKS = "SELECT hour, marks FROM burnrate.mark WHERE shard = 0 AND hour = ANY($1)"


async def fill(url: str, services: int, now: datetime) -> None:
    """Store what a shard that has run for 30 days holds."""
    chance = np.random.default_rng(7)
    client = await asyncpg.connect(url)
    await client.executemany(_SERVICES, [(f"service-{i:04d}", i, now) for i in range(services)])
    for resolution, kept in KEPT.items():
        last = int(now.timestamp()) // resolution
        depth = int(min(kept, timedelta(days=DAYS)).total_seconds()) // resolution
        for bucket in range(last - depth + 1, last + 1):
            rows = chance.integers(900, 1_100, (services, 3), np.int64)
            rows[:, 2] = 10
            end = datetime.fromtimestamp(bucket * resolution, UTC)
            await client.execute(_BLOCKS, resolution, end, rows.tobytes())
    for hour in hours(now, 24):
        packed = chance.bytes(services * REPORTS_PER_HOUR * DEDUP_KEY.itemsize)
        await client.execute(_MARKS, hour, packed)
    await client.execute("VACUUM ANALYZE")
    await client.close()


def hours(now: datetime, count: int) -> list[datetime]:
    """Return the beginnings of the last hours."""
    began = now.replace(minute=0, second=0, microsecond=0)
    return [began - timedelta(hours=n) for n in range(count)]


async def raw(url: str, now: datetime) -> tuple[float, float]:
    """Return the seconds that the client takes for the rows of the counts, and of two hours."""
    client = await asyncpg.connect(url)

    async def counts() -> None:
        for resolution, kept in KEPT.items():
            await client.fetch(_RAW, resolution, now - kept)

    async def marks() -> None:
        await client.fetch(_RAW_MARKS, hours(now, 2))

    took = await seconds(counts), await seconds(marks)
    await client.close()
    return took


async def ours(url: str, now: datetime) -> tuple[float, float]:
    """Return the seconds that the service takes for the same."""
    database = Database.connect(DatabaseSettings(DATABASE_URL=url), "bench")
    lateness = timedelta(hours=24)
    runtime = consumer_runtime("burnrate", clock=lambda: now)
    work = CountingWork(BurnrateSettings(), runtime, lateness)

    async def counts() -> None:
        async with database.write() as session:
            await work.load(session, SHARD)

    async def marks() -> None:
        wanted = [int(hour.timestamp()) // HOUR for hour in hours(now, 2)]
        async with database.read() as session:
            for packed in (
                await read_dedup_keys(session, SHARD, DedupKeyKind.RECENT, wanted)
            ).values():
                HourDedupKeys().load(packed)

    async with database.read():
        pass  # connected, as the bare client is
    took = await seconds(counts), await seconds(marks)
    await database.close()
    return took


async def seconds(work: Callable[[], Awaitable[Any]]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def main() -> None:
    """Alternate the two and print the medians of the ratios."""
    chosen = options(__doc__, services=1_000, rounds=5)
    now = datetime.now(UTC)
    ratios = []
    with servers() as real:
        url = real.new_database("recovery")
        asyncio.run(fill(url, chosen.services, now))
        for number in range(chosen.rounds):
            base, own = asyncio.run(raw(url, now)), asyncio.run(ours(url, now))
            ratios.append((own[0] / base[0], sum(own) / sum(base)))
            print(
                f"round {number + 1}: counts raw {base[0]:.3f} s ours {own[0]:.3f} s, "
                f"marks of two hours raw {base[1]:.3f} s ours {own[1]:.3f} s"
            )
    without_marks, with_marks = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median ratio {without_marks:.2f}, with marks {with_marks:.2f} (mark: 2)")


if __name__ == "__main__":
    main()
