"""All SQL of the forecast service. The schema `burnrate` is read only; its owner is burnrate."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import text

from common.config.clock import MICROSECONDS, from_micros
from common.events import ServiceForecast, encode
from common.storage.database import ReadSession, WriteSession
from forecast.domain.shard_counts import LatencyKey, Span
from forecast.domain.timeline import Ints

_BLOCK_COLUMNS = 3  # total, bad, longest report

_SLOTS = text("SELECT service, slot FROM burnrate.service WHERE shard = :shard")
_BLOCKS = text(
    """SELECT extract(epoch FROM bucket_end)::bigint / :resolution, counts
    FROM burnrate.count_block
    WHERE shard = :shard AND resolution_seconds = :resolution AND bucket_end > :since"""
)
_LATENCY = text(
    """SELECT service, threshold, resolution_seconds,
        extract(epoch FROM bucket_end)::bigint / resolution_seconds AS bucket,
        least(:sum_limit, sum((SELECT sum(n) FROM unnest(counts) AS n)))::bigint AS total,
        least(:sum_limit, sum((SELECT coalesce(sum(n), 0) FROM unnest(
            counts[array_position(bounds, threshold) + 1:]) AS n)))::bigint AS bad
    FROM unnest(CAST(:services AS text[]), CAST(:thresholds AS float8[]),
        CAST(:resolutions AS int[]), CAST(:since AS timestamptz[]))
        AS wanted (service, threshold, resolution_seconds, since)
    JOIN burnrate.latency USING (service, resolution_seconds)
    WHERE bucket_end > since AND threshold = ANY(bounds)
    GROUP BY service, threshold, resolution_seconds, bucket_end"""
)
_SUM_LIMIT = 2**53 - 1  # as burnrate's sums
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


async def load_slots(session: ReadSession, shard: int) -> dict[str, int]:
    """Return which row of the shard's blocks each service has."""
    rows = await session.execute(_SLOTS, {"shard": shard})
    return {row.service: row.slot for row in rows}


async def load_blocks(session: ReadSession, shard: int, span: Span) -> Iterator[tuple[int, Ints]]:
    """Return bucket numbers, and counts [slots, total and bad] of all services of a shard."""
    named = {
        "shard": shard,
        "resolution": span.length_seconds,
        "since": from_micros(span.since * MICROSECONDS),
    }
    rows = (await session.execute(_BLOCKS, named)).all()
    return ((bucket, _unpacked(packed)) for bucket, packed in rows)


def _unpacked(packed: bytes) -> Ints:
    rows: Ints = np.frombuffer(packed, "<i8").reshape(-1, _BLOCK_COLUMNS)[:, :2]
    return rows


async def load_latency(
    session: ReadSession, spans: Mapping[LatencyKey, Sequence[Span]]
) -> Iterator[tuple[LatencyKey, int, int, Ints]]:
    """Return (service, threshold), bucket length and number, counts [1, total and slow]."""
    wanted = [(key, span) for key, own in spans.items() for span in own]
    rows = (
        await session.execute(
            _LATENCY,
            {
                "services": [key[0] for key, _ in wanted],
                "thresholds": [key[1] for key, _ in wanted],
                "resolutions": [span.length_seconds for _, span in wanted],
                "since": [from_micros(span.since * MICROSECONDS) for _, span in wanted],
                "sum_limit": _SUM_LIMIT,
            },
        )
    ).all()
    return (
        ((row.service, row.threshold), row.resolution_seconds, row.bucket,
         np.array([[row.total, row.bad]], np.int64))
        for row in rows
    )  # fmt: skip


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
