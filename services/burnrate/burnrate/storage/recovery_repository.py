"""What a shard is loaded from, and how long each part of it is kept."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import delete, func, select, text

from burnrate.ingest.aggregation import KEPT_MINUTES, KEPT_TEN_SECONDS, Bounds
from burnrate.storage.blocks import COLUMNS, ROW_BYTES
from burnrate.storage.tables import count_block, latency, mark, service
from burnrate.windows.rings import RESOLUTIONS, TEN_SECONDS, Ints
from common.admission.metric_events import HISTORY_AGE
from common.config.clock import to_micros
from common.events import IngestCounters
from common.slo.windows import HOUR, MINUTE
from common.storage.database import ReadSession, WriteSession

KEPT = {TEN_SECONDS: KEPT_TEN_SECONDS, MINUTE: KEPT_MINUTES, HOUR: HISTORY_AGE + timedelta(days=1)}

_PART_BLOCKS = 100
_BLOCKS = text(
    """SELECT extract(epoch FROM bucket_end)::bigint / :resolution, counts
    FROM burnrate.count_block
    WHERE shard = :shard AND resolution_seconds = :resolution AND bucket_end > :since
    ORDER BY bucket_end DESC"""
)
_SERVICE_ROWS = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint / :resolution,
        substr(counts, slot * {ROW_BYTES} + 1, {ROW_BYTES})
    FROM burnrate.count_block JOIN burnrate.service USING (shard)
    WHERE service = :service AND resolution_seconds = :resolution AND bucket_end > :since
    AND length(counts) > slot * {ROW_BYTES}"""  # noqa: S608 - a constant
)
_SEAL = text(
    """WITH parts AS (
        DELETE FROM burnrate.mark AS m USING (
            SELECT hour FROM burnrate.mark WHERE shard = :shard AND hour < :before
            GROUP BY hour HAVING count(*) > 1 ORDER BY hour LIMIT 1) AS sealed
        WHERE m.shard = :shard AND m.hour = sealed.hour
        RETURNING m.hour, m.marks)
    INSERT INTO burnrate.mark (shard, hour, marks)
    SELECT :shard, hour, string_agg(marks, ''::bytea) FROM parts GROUP BY hour"""
)


async def load_services(session: ReadSession, shard: int) -> tuple[list[str], Ints, Ints]:
    """Return names, newest timestamps (microseconds) and counters [n, 4] of services, by slot."""
    columns = [service.c[name] for name in IngestCounters.__struct_fields__]
    rows = (
        await session.execute(
            select(service.c.service, service.c.newest_at, *columns)
            .where(service.c.shard == shard)
            .order_by(service.c.slot)
        )
    ).all()
    return (
        [row[0] for row in rows],
        np.array([to_micros(row[1]) for row in rows], np.int64),
        np.array([row[2:] for row in rows], np.int64).reshape(-1, len(columns)),
    )


async def load_blocks(
    session: ReadSession, shard: int, resolution: int, since: datetime, slots: int
) -> Iterator[tuple[Ints, Ints]]:
    """Return a shard's counts since an instant: bucket numbers [n] and counts [n, slots, 3].

    They come in parts, the newest first, small enough to stay in the processor's cache.
    """
    named = {"shard": shard, "resolution": resolution, "since": since}
    rows = [(row[0], row[1]) for row in await session.execute(_BLOCKS, named)]
    return (_part(rows[i : i + _PART_BLOCKS], slots) for i in range(0, len(rows), _PART_BLOCKS))


def _part(rows: Sequence[tuple[int, bytes]], slots: int) -> tuple[Ints, Ints]:
    buckets = np.array([bucket for bucket, _ in rows], np.int64)
    return buckets, _stacked([packed for _, packed in rows], slots)


def _stacked(blocks: Sequence[bytes], slots: int) -> Ints:
    """Return [blocks, slots, 3]; a block from before a service was known is shorter."""
    if {len(block) for block in blocks} == {slots * ROW_BYTES}:
        return np.frombuffer(b"".join(blocks), "<i8").reshape(-1, slots, COLUMNS)
    found = np.zeros((len(blocks), slots, COLUMNS), np.int64)
    for place, block in enumerate(blocks):
        rows = np.frombuffer(block, "<i8").reshape(-1, COLUMNS)
        found[place, : len(rows)] = rows
    return found


async def load_service_counts(
    session: ReadSession, name: str, resolution: int, now: datetime
) -> tuple[Ints, Ints]:
    """Return bucket numbers [n] and counts [n, 1, 3] of one service, as far as kept."""
    named = {"service": name, "resolution": resolution, "since": now - KEPT[resolution]}
    rows = (await session.execute(_SERVICE_ROWS, named)).all()
    blocks = np.frombuffer(b"".join(row for _, row in rows), "<i8").reshape(-1, 1, COLUMNS)
    return np.fromiter((bucket for bucket, _ in rows), np.int64, len(rows)), blocks


async def load_latency(
    session: ReadSession, name: str, now: datetime
) -> list[tuple[int, int, Bounds, list[int]]]:
    """Return (resolution, bucket number, bounds, counts) of a service, as far as kept."""
    number = func.extract("epoch", latency.c.bucket_end) / latency.c.resolution_seconds
    found: list[tuple[int, int, Bounds, list[int]]] = []
    for resolution in RESOLUTIONS:
        rows = await session.execute(
            select(number.cast(mark.c.part.type), latency.c.bounds, latency.c.counts).where(
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
    for resolution, kept in KEPT.items():
        for table, ours in (
            (count_block, count_block.c.shard.in_(shards)),
            (latency, latency.c.service.in_(owned)),
        ):
            old = table.c.bucket_end <= now - kept
            await session.execute(
                delete(table).where(table.c.resolution_seconds == resolution, ours, old)
            )


async def purge_dedup_keys(session: WriteSession, shard: int, before: datetime) -> None:
    """Delete marks of events so old that no repeat of them is admitted any more."""
    await session.execute(
        delete(mark).where(mark.c.shard == shard, mark.c.hour < before - timedelta(hours=1))
    )


async def seal_dedup_keys(session: WriteSession, shard: int, before: datetime) -> bool:
    """Make one row of the oldest hour before an instant that has several; tell if there was one.

    What is added to the hour meanwhile stays a row of its own, so that nothing is lost.
    """
    sealed = await session.execute(_SEAL, {"shard": shard, "before": before})
    return bool(sealed.rowcount)  # type: ignore[attr-defined]
