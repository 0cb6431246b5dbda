"""The service's SQL on a real PostgreSQL: blocks and histograms in, the newest forecast kept."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
import pytest

from common.config.settings import DatabaseSettings
from common.storage.database import Database
from forecast.domain.shard_counts import HOUR, MINUTE, Span
from forecast.storage import repository
from tests.support.burn_events import NOW
from tests.support.gateway.forecasts import service_forecast, slo_forecast

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
        assert await repository.load_slots(session, SHARD) == {"cart": 0, "checkout": 1}
        assert await repository.load_slots(session, SHARD + 9) == {}
        span = Span(MINUTE, NOW_SECONDS - 600)
        found = list(await repository.load_blocks(session, SHARD, span))
    [(bucket, counts)] = found
    assert bucket == NOW_SECONDS // MINUTE
    assert counts.tolist() == [[10, 1], [20, 2]]


async def test_histograms_are_read_against_each_threshold(
    postgres_url: str, database: Database
) -> None:
    client = await asyncpg.connect(postgres_url)
    rows = [
        ("search", MINUTE, NOW_SECONDS, BOUNDS, [5, 3, 2, 1]),
        ("search", MINUTE, NOW_SECONDS, [0.25, 2.0], [7, 1, 1]),  # of another source
        ("search", MINUTE, NOW_SECONDS, [0.5], [9, 9]),  # says nothing about a quarter
        ("search", HOUR, NOW_SECONDS, BOUNDS, [50, 30, 20, 10]),
        ("search", MINUTE, NOW_SECONDS - 6000, BOUNDS, [1, 1, 1, 1]),  # before the span
        ("other", MINUTE, NOW_SECONDS, BOUNDS, [1, 1, 1, 1]),
    ]
    for name, resolution, end, bounds, counts in rows:
        insert = "INSERT INTO burnrate.latency VALUES ($1, $2, $3, $4, $5)"
        await client.execute(insert, resolution, name, at(end), bounds, counts)
    await client.close()
    spans = [Span(MINUTE, NOW_SECONDS - 600), Span(HOUR, NOW_SECONDS - 7200)]
    wanted = {("search", 0.25): spans, ("search", 1.0): spans, ("nobody", 0.25): spans}
    async with database.read() as session:
        found = {
            (key, length, bucket): counts.tolist()
            for key, length, bucket, counts in await repository.load_latency(session, wanted)
        }
    minute, hour = NOW_SECONDS // MINUTE, NOW_SECONDS // HOUR
    assert found == {
        (("search", 0.25), MINUTE, minute): [[11 + 9, 3 + 2]],
        (("search", 0.25), HOUR, hour): [[110, 30]],
        (("search", 1.0), MINUTE, minute): [[11, 1]],
        (("search", 1.0), HOUR, hour): [[110, 10]],
    }


async def test_the_newest_forecast_of_a_service_is_kept(
    postgres_url: str, database: Database
) -> None:
    for epoch, seconds in ((2, 0), (1, 9), (2, 5), (2, 3)):
        forecast = service_forecast(
            "checkout",
            slo_forecast(data_points_used=epoch * 100 + seconds),
            epoch=epoch,
            evaluated_at=NOW + timedelta(seconds=seconds),
        )
        async with database.write() as session:
            await repository.store_forecasts(session, [forecast, service_forecast("cart")])
    client = await asyncpg.connect(postgres_url)
    rows = await client.fetch("SELECT service, epoch, payload FROM forecast.forecast ORDER BY 1")
    await client.close()
    assert [(row["service"], row["epoch"]) for row in rows] == [("cart", 1), ("checkout", 2)]
    assert json.loads(rows[1]["payload"])["slos"][0]["data_points_used"] == 205
