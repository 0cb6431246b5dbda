"""The service's SQL on a real PostgreSQL: the newest forecast is kept."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from common.config.settings import DatabaseSettings
from common.storage.database import Database
from common.storage.newest import store_newest
from tests.support.burn_events import NOW
from tests.support.gateway.forecasts import service_forecast, slo_forecast


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    made = Database.connect(DatabaseSettings(DATABASE_URL=postgres_url), "test")
    yield made
    await made.close()


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
            await store_newest(session, "forecast.forecast", [forecast, service_forecast("cart")])
    client = await asyncpg.connect(postgres_url)
    rows = await client.fetch("SELECT service, epoch, payload FROM forecast.forecast ORDER BY 1")
    await client.close()
    assert [(row["service"], row["epoch"]) for row in rows] == [("cart", 1), ("checkout", 2)]
    assert json.loads(rows[1]["payload"])["slos"][0]["data_points_used"] == 205
