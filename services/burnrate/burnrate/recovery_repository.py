"""What a shard is loaded from, and how long each part of it is kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import ColumnElement, delete, func, select

from burnrate.rings import HOUR, MINUTE, RESOLUTIONS, TEN_SECONDS, Ints
from burnrate.tables import count, latency, mark, service
from burnrate.tally import KEPT_MINUTES, KEPT_TEN_SECONDS, Bounds
from common.admission import HISTORY_AGE
from common.clock import to_micros
from common.database import ReadSession, WriteSession

KEPT = {TEN_SECONDS: KEPT_TEN_SECONDS, MINUTE: KEPT_MINUTES, HOUR: HISTORY_AGE + timedelta(days=1)}


async def load_services(session: ReadSession, shard: int) -> tuple[list[str], Ints, Ints]:
    """Return names, newest timestamps (microseconds) and counters [n, 4] of a shard's services."""
    rows = (await session.execute(select(service).where(service.c.shard == shard))).all()
    counters = [[row[3], row[4], row[5], row[6]] for row in rows]
    return (
        [row.service for row in rows],
        np.array([to_micros(row.newest_at) for row in rows], np.int64),
        np.array(counters, np.int64).reshape(-1, 4),
    )


async def load_counts(
    session: ReadSession, shard: int, resolution: int, since: datetime
) -> tuple[list[str], Ints, Ints]:
    """Return names, bucket numbers and blocks [bucket, name, (total, bad, window_seconds)]."""
    chosen = count.c.service.in_(select(service.c.service).where(service.c.shard == shard))
    return await _blocks(session, chosen, resolution, since)


async def load_service_counts(
    session: ReadSession, name: str, resolution: int, now: datetime
) -> tuple[list[str], Ints, Ints]:
    """Return the same of one service, as far as kept."""
    return await _blocks(session, count.c.service == name, resolution, now - KEPT[resolution])


async def _blocks(
    session: ReadSession, chosen: ColumnElement[bool], resolution: int, since: datetime
) -> tuple[list[str], Ints, Ints]:
    number = func.extract("epoch", count.c.bucket_end) / resolution
    rows = await session.execute(
        select(
            count.c.service,
            number.cast(count.c.total.type),
            count.c.total,
            count.c.bad,
            count.c.window_seconds,
        ).where(chosen, count.c.resolution_seconds == resolution, count.c.bucket_end > since)
    )
    return blocks_of(tuple(row) for row in rows)


def blocks_of(rows: Iterable[tuple[str, int, int, int, int]]) -> tuple[list[str], Ints, Ints]:
    """Return (service, bucket, total, bad, window_seconds) as names, buckets and blocks."""
    kept = list(rows)
    names = {name: i for i, name in enumerate(dict.fromkeys(row[0] for row in kept))}
    buckets = {bucket: i for i, bucket in enumerate(dict.fromkeys(row[1] for row in kept))}
    blocks = np.zeros((len(buckets), len(names), 3), np.int64)
    for name, bucket, *counts in kept:
        blocks[buckets[bucket], names[name]] = counts
    return list(names), np.array(list(buckets), np.int64), blocks


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
