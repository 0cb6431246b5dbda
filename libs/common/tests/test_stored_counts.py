"""The queries on stored counts, on a real PostgreSQL: blocks, rows of a service, histograms."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

import asyncpg
import numpy as np
import pytest

from common.config.settings import DatabaseSettings
from common.counts import reads
from common.counts.layout import SlowCount, Span, slower_than, unpacked
from common.slo.windows import HOUR, MINUTE
from common.storage.database import Database
from tests.support.burn_events import NOW

SHARD = 3
BOUNDS = [0.1, 0.25, 1.0]
NOW_SECONDS = int(NOW.timestamp()) // HOUR * HOUR


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    made = Database.connect(DatabaseSettings(DATABASE_URL=postgres_url), "test")
    yield made
    await made.close()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def test_blocks_and_slots_of_a_shard_are_read(postgres_url: str, database: Database) -> None:
    client = await asyncpg.connect(postgres_url)
    for slot, name in enumerate(("cart", "checkout")):
        await client.execute(
            "INSERT INTO burnrate.service VALUES ($1, $2, $3, $4)",
            name, SHARD, slot, NOW,
        )  # fmt: skip
    block = np.array([[10, 1, 60], [20, 2, 60]], "<i8").tobytes()
    for shard, resolution, end in (
        (SHARD, MINUTE, NOW_SECONDS),
        (SHARD, MINUTE, NOW_SECONDS - 600),
        (SHARD, HOUR, NOW_SECONDS),
        (SHARD + 1, MINUTE, NOW_SECONDS),
    ):
        insert = "INSERT INTO burnrate.count_block VALUES ($1, $2, $3, $4)"
        await client.execute(insert, shard, resolution, at(end), block)
    await client.close()
    async with database.read() as session:
        assert await reads.slots(session, SHARD) == {"cart": 0, "checkout": 1}
        assert await reads.slots(session, SHARD + 9) == {}
        span = Span(MINUTE, NOW_SECONDS - 600)
        found = await reads.blocks(session, SHARD, span)
        older = await reads.blocks(session, SHARD, Span(MINUTE, 0, NOW_SECONDS - 600))
    [(bucket, packed)] = found
    assert bucket == NOW_SECONDS // MINUTE
    assert unpacked(packed).tolist() == [[10, 1, 60], [20, 2, 60]]
    assert [bucket for bucket, _ in older] == [NOW_SECONDS // MINUTE - 10]


async def test_histograms_are_read_against_each_threshold(
    postgres_url: str, database: Database
) -> None:
    client = await asyncpg.connect(postgres_url)
    rows = [
        ("search", MINUTE, NOW_SECONDS, BOUNDS, [5, 3, 2, 1]),
        ("search", MINUTE, NOW_SECONDS, [0.25, 2.0], [7, 1, 1]),  # of another source
        ("search", MINUTE, NOW_SECONDS, [0.5], [9, 9]),  # 9 of them may be within a quarter
        ("search", HOUR, NOW_SECONDS, BOUNDS, [50, 30, 20, 10]),
        ("search", MINUTE, NOW_SECONDS - 6000, BOUNDS, [1, 1, 1, 1]),  # before the span
        ("other", MINUTE, NOW_SECONDS, BOUNDS, [1, 1, 1, 1]),
    ]
    for name, resolution, end, bounds, counts in rows:
        insert = "INSERT INTO burnrate.latency VALUES ($1, $2, $3, $4, $5)"
        await client.execute(insert, resolution, name, at(end), bounds, counts)
    await client.close()
    spans = [Span(MINUTE, NOW_SECONDS - 600), Span(HOUR, NOW_SECONDS - 7200)]
    keys = [("search", 0.25), ("search", 1.0), ("nobody", 0.25)]
    async with database.read() as session:
        found = await reads.slow_counts(session, [(*key, span) for key in keys for span in spans])
        known = await reads.latency_bounds(session, "search")
    assert sorted(found) == [
        SlowCount("search", 0.25, MINUTE, NOW_SECONDS, 11 + 9 + 18, 3 + 2 + 18, 9),
        SlowCount("search", 0.25, HOUR, NOW_SECONDS, 110, 30),
        SlowCount("search", 1.0, MINUTE, NOW_SECONDS, 11 + 9 + 18, 1 + 2 + 9, 1 + 9),
        SlowCount("search", 1.0, HOUR, NOW_SECONDS, 110, 10),
    ]
    assert sorted(known) == [(0.1, 0.25, 1.0), (0.25, 2.0), (0.5,)]


async def test_the_database_holds_histograms_against_a_threshold_as_memory_does(
    postgres_url: str, database: Database
) -> None:
    rng, edges = Random(5), (0.05, 0.1, 0.25, 0.3, 0.5, 1.0, 2.5)
    thresholds = (0.01, *edges, 0.2, 0.75, 60.0)
    expected: dict[tuple[str, float], tuple[int, int, int]] = {}
    client = await asyncpg.connect(postgres_url)
    for number in range(40):
        bounds = tuple(sorted(rng.sample(edges, rng.randint(1, len(edges)))))
        counts = [rng.choice((0, 3, 2**53 - 2)) for _ in range(len(bounds) + 1)]
        insert = "INSERT INTO burnrate.latency VALUES ($1, $2, $3, $4, $5)"
        await client.execute(insert, HOUR, f"s{number}", at(NOW_SECONDS), bounds, counts)
        for threshold in thresholds:
            expected[f"s{number}", threshold] = slower_than(bounds, counts, threshold)
    await client.close()
    span = Span(HOUR, NOW_SECONDS - HOUR)
    async with database.read() as session:
        found = await reads.slow_counts(session, [(*key, span) for key in expected])
    given = {(c.service, c.threshold_seconds): (c.total, c.bad, c.uncertain) for c in found}
    assert given == expected


async def test_the_rows_of_a_service_are_read_from_hours_and_then_minutes(
    postgres_url: str, database: Database
) -> None:
    client = await asyncpg.connect(postgres_url)
    await client.execute("INSERT INTO burnrate.service VALUES ('login', $1, 1, $2)", SHARD + 1, NOW)
    rows = [
        (HOUR, NOW_SECONDS - HOUR, [(1, 0, 10), (2, 1, 10)]),
        (HOUR, NOW_SECONDS, [(1, 0, 10)]),  # of a time before the service had a slot
        (MINUTE, NOW_SECONDS - MINUTE, [(1, 0, 10), (9, 9, 10)]),  # in the hour already
        (MINUTE, NOW_SECONDS + MINUTE, [(1, 0, 10), (3, 2, 20)]),
        (MINUTE, NOW_SECONDS + 2 * MINUTE, [(1, 0, 10), (4, 4, 20)]),  # after the span
    ]
    for resolution, end, counts in rows:
        insert = "INSERT INTO burnrate.count_block VALUES ($1, $2, $3, $4)"
        await client.execute(
            insert, SHARD + 1, resolution, at(end), np.array(counts, "<i8").tobytes()
        )
    await client.close()
    spans = [Span(HOUR, 0, NOW_SECONDS), Span(MINUTE, NOW_SECONDS, NOW_SECONDS + MINUTE)]
    async with database.read() as session:
        ends, found = await reads.service_rows(session, "login", spans)
        nothing, _ = await reads.service_rows(session, "nobody", spans)
    assert ends.tolist() == [NOW_SECONDS - HOUR, NOW_SECONDS + MINUTE]
    assert found.tolist() == [[2, 1, 10], [3, 2, 20]]
    assert len(nothing) == 0
