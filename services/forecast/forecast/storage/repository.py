"""The SQL of the forecast service's own table; counts are read by `common.counts`."""

from collections.abc import Sequence

from sqlalchemy import text

from common.events import ServiceForecast, encode
from common.storage.database import WriteSession

_STORE = text(
    """INSERT INTO forecast.forecast AS f (service, shard, epoch, evaluated_at, payload)
    SELECT name, shard, epoch, at, CAST(payload AS jsonb)
    FROM unnest(CAST(:services AS text[]), CAST(:shards AS int[]), CAST(:epochs AS bigint[]),
        CAST(:instants AS timestamptz[]), CAST(:payloads AS text[]))
        AS x (name, shard, epoch, at, payload)
    ON CONFLICT (service) DO UPDATE
    SET shard = excluded.shard, epoch = excluded.epoch, evaluated_at = excluded.evaluated_at,
        payload = excluded.payload
    WHERE (excluded.epoch, excluded.evaluated_at) > (f.epoch, f.evaluated_at)"""
)


async def store_forecasts(session: WriteSession, forecasts: Sequence[ServiceForecast]) -> None:
    """Store forecasts, each unless a newer one of its service is there."""
    await session.execute(
        _STORE,
        {
            "services": [forecast.service_name for forecast in forecasts],
            "shards": [forecast.shard for forecast in forecasts],
            "epochs": [forecast.epoch for forecast in forecasts],
            "instants": [forecast.evaluated_at for forecast in forecasts],
            "payloads": [encode(forecast).decode() for forecast in forecasts],
        },
    )
