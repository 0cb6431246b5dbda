"""What a shard is loaded from, and how long each part of it is kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from burnrate.rings import HOUR, MINUTE, RESOLUTIONS, TEN_SECONDS
from burnrate.tables import count, latency, mark, service
from burnrate.tally import KEPT_MINUTES, KEPT_TEN_SECONDS, Bounds
from common.admission import HISTORY_AGE
from common.database import ReadSession, WriteSession
from common.events import IngestCounters

KEPT = {TEN_SECONDS: KEPT_TEN_SECONDS, MINUTE: KEPT_MINUTES, HOUR: HISTORY_AGE + timedelta(days=1)}


async def load_services(
    session: ReadSession, shard: int
) -> list[tuple[str, datetime, IngestCounters]]:
    """Return name, newest timestamp and counters of a shard's services."""
    rows = await session.execute(select(service).where(service.c.shard == shard))
    return [
        (
            row.service,
            row.newest_at,
            IngestCounters(row.duplicates, row.event_id_conflicts, row.unidentified, row.misrouted),
        )
        for row in rows
    ]


async def load_counts(
    session: ReadSession, shard: int, resolution: int, since: datetime
) -> list[tuple[str, int, int, int, int]]:
    """Return (service, bucket number, total, bad, window_seconds) of a shard since an instant."""
    number = func.extract("epoch", count.c.bucket_end) / resolution
    rows = await session.execute(
        select(
            count.c.service,
            number.cast(count.c.total.type),
            count.c.total,
            count.c.bad,
            count.c.window_seconds,
        )
        .join(service, service.c.service == count.c.service)
        .where(
            service.c.shard == shard,
            count.c.resolution_seconds == resolution,
            count.c.bucket_end > since,
        )
    )
    return [tuple(row) for row in rows]


async def load_latency(
    session: ReadSession, name: str, now: datetime
) -> list[tuple[int, int, Bounds, list[int]]]:
    """Return (resolution, bucket number, bounds, counts) of a service, as far as kept."""
    number = func.extract("epoch", latency.c.bucket_end) / latency.c.resolution_seconds
    found: list[tuple[int, int, Bounds, list[int]]] = []
    for resolution in RESOLUTIONS:
        rows = await session.execute(
            select(number.cast(count.c.total.type), latency.c.bounds, latency.c.counts).where(
                latency.c.resolution_seconds == resolution,
                latency.c.service == name,
                latency.c.bucket_end > now - KEPT[resolution],
            )
        )
        found += [(resolution, bucket, tuple(bounds), counts) for bucket, bounds, counts in rows]
    return found


async def purge(session: WriteSession, shards: Sequence[int], now: datetime) -> None:
    """Delete counts that are no longer kept."""
    owned = select(service.c.service).where(service.c.shard.in_(shards))
    for table in (count, latency):
        for resolution, kept in KEPT.items():
            await session.execute(
                delete(table).where(
                    table.c.resolution_seconds == resolution,
                    table.c.service.in_(owned),
                    table.c.bucket_end <= now - kept,
                )
            )


async def purge_marks(session: WriteSession, shard: int, before: datetime) -> None:
    """Delete marks of events so old that no repeat of them is admitted any more."""
    await session.execute(
        delete(mark).where(mark.c.shard == shard, mark.c.hour < before - timedelta(hours=1))
    )
