"""What a shard is loaded from, and how its rows are purged and sealed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import text

from common.arrays import Flags, Ints
from common.config.clock import MICROSECONDS, to_micros
from common.counts import reads
from common.counts.layout import COLUMNS, KEPT, RESOLUTIONS, SlowCount, Span, unpacked
from common.events import IngestCounters
from common.slo.streams import service_of
from common.storage.database import ReadSession, WriteSession

_PART_BLOCKS = 100
_SERVICES = text(
    """SELECT service, released, newest_at, duplicates, event_id_conflicts, unidentified, misrouted
    FROM burnrate.service WHERE shard = :shard AND service = coalesce(:name, service)
    ORDER BY slot"""
)
_STORE_RELEASED = text(
    """UPDATE burnrate.service AS s SET released = x.released
    FROM unnest(CAST(:names AS text[]), CAST(:released AS boolean[])) AS x (name, released)
    WHERE s.shard = :shard AND split_part(s.service, '/', 1) = x.name"""
)
_PURGE_BLOCKS = text(
    """DELETE FROM burnrate.count_block
    WHERE shard = :shard AND resolution_seconds = :resolution AND bucket_end <= :before"""
)
_PURGE_LATENCY = text(
    """DELETE FROM burnrate.latency
    WHERE resolution_seconds = :resolution AND bucket_end <= :before
    AND service IN (SELECT service FROM burnrate.service WHERE shard = :shard)"""
)
_PURGE_DEDUP_KEYS = text(
    """DELETE FROM burnrate.mark WHERE shard = :shard
    AND hour < CASE WHEN imported THEN CAST(:imports_before AS timestamptz) ELSE :before END"""
)
_SEAL = text(
    """WITH parts AS (
        DELETE FROM burnrate.mark AS m USING (
            SELECT hour, imported FROM burnrate.mark WHERE shard = :shard AND hour < :before
            GROUP BY hour, imported HAVING count(*) > 1 ORDER BY hour LIMIT 1) AS sealed
        WHERE m.shard = :shard AND m.hour = sealed.hour AND m.imported = sealed.imported
        RETURNING m.hour, m.imported, m.marks)
    INSERT INTO burnrate.mark (shard, hour, imported, marks)
    SELECT :shard, hour, imported, string_agg(marks, ''::bytea) FROM parts GROUP BY 2, 3"""
)


@dataclass(frozen=True, slots=True)
class StoredServices:
    """The streams of a shard by slot; those that are released have no place in memory."""

    names: list[str]
    released: Flags
    newest_micros: Ints
    counters: Ints  # [n, 4], as IngestCounters has them

    def released_services(self) -> set[str]:
        """Return the services that have no place: a stream may have come since, and has none."""
        return {service_of(self.names[slot]) for slot in np.flatnonzero(self.released).tolist()}


async def load_services(
    session: ReadSession, shard: int, name: str | None = None
) -> StoredServices:
    """Return all services of a shard, or the one of that name."""
    rows = (await session.execute(_SERVICES, {"shard": shard, "name": name})).all()
    counters = len(IngestCounters.__struct_fields__)
    return StoredServices(
        [row[0] for row in rows],
        np.array([row[1] for row in rows], np.bool_),
        np.array([to_micros(row[2]) for row in rows], np.int64),
        np.array([row[3:] for row in rows], np.int64).reshape(-1, counters),
    )


async def store_released(session: WriteSession, shard: int, released: Mapping[str, bool]) -> None:
    """Store which services have no place in memory, or have one again."""
    named = {"names": list(released), "released": list(released.values())}
    await session.execute(_STORE_RELEASED, {"shard": shard, **named})


async def load_blocks(
    session: ReadSession, shard: int, resolution: int, now: datetime, slots: int
) -> Iterator[tuple[Ints, Ints]]:
    """Return a shard's counts as far as kept: bucket numbers [n] and counts [n, slots, 3].

    They come in parts, the newest first, small enough to stay in the processor's cache.
    """
    rows = await reads.blocks(session, shard, _kept(resolution, now))
    return (_part(rows[i : i + _PART_BLOCKS], slots) for i in range(0, len(rows), _PART_BLOCKS))


def _part(rows: Sequence[tuple[int, bytes]], slots: int) -> tuple[Ints, Ints]:
    buckets = np.array([bucket for bucket, _ in rows], np.int64)
    found = np.zeros((len(rows), slots, COLUMNS), np.int64)
    for place, (_, packed) in enumerate(rows):
        block = unpacked(packed)
        found[place, : len(block)] = block
    return buckets, found


async def load_service_counts(
    session: ReadSession, name: str, resolution: int, now: datetime
) -> tuple[Ints, Ints]:
    """Return bucket numbers [n] and counts [n, 1, 3] of one service, as far as kept."""
    ends, rows = await reads.service_rows(session, name, [_kept(resolution, now)])
    return ends // resolution, rows[:, None]


async def load_slow_counts(
    session: ReadSession, name: str, thresholds: Sequence[float], now: datetime
) -> list[SlowCount]:
    """Return what a service's histograms say of latency thresholds, as far as kept."""
    spans = [_kept(resolution, now) for resolution in RESOLUTIONS]
    return await reads.slow_counts(
        session, [(name, threshold, span) for threshold in thresholds for span in spans]
    )


def _kept(resolution: int, now: datetime) -> Span:
    return Span(resolution, to_micros(now - KEPT[resolution]) // MICROSECONDS)


async def purge(session: WriteSession, shard: int, now: datetime) -> None:
    """Delete a shard's counts that are no longer kept."""
    for resolution, kept in KEPT.items():
        named = {"shard": shard, "resolution": resolution, "before": now - kept}
        await session.execute(_PURGE_BLOCKS, named)
        await session.execute(_PURGE_LATENCY, named)


async def purge_dedup_keys(
    session: WriteSession, shard: int, before: datetime, imports_before: datetime
) -> None:
    """Delete dedup keys of events so old that no repeat of them is admitted any more."""
    ends = {"before": before, "imports_before": imports_before}
    named = {name: end - timedelta(hours=1) for name, end in ends.items()}
    await session.execute(_PURGE_DEDUP_KEYS, {"shard": shard, **named})


async def seal_dedup_keys(session: WriteSession, shard: int, before: datetime) -> bool:
    """Make one row of the oldest hour before an instant that has several; False without one.

    What is added to the hour meanwhile stays a row of its own, so that nothing is lost.
    """
    sealed = await session.execute(_SEAL, {"shard": shard, "before": before})
    return bool(sealed.rowcount)  # type: ignore[attr-defined]
