"""What burnrate writes as it counts and evaluates. Sessions come from outside; nothing commits.

Tables: `count_block`, `latency` (both laid out by `common.counts`), `mark` (dedup keys by hour),
`import_line`, `service` and `snapshot` of the schema `burnrate`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from burnrate.domain.batch import BatchDelta, DedupKeyKind, ImportStream
from burnrate.domain.series_index import UNKNOWN_ORIGIN, SeriesIndex
from common.config.clock import from_micros
from common.counts.layout import SUM_LIMIT, BlockKey, Bounds, bucket_end
from common.events import IngestCounters
from common.slo.windows import HOUR
from common.storage.database import ReadSession, WriteSession

_READ_BLOCKS = text(
    """SELECT resolution_seconds, extract(epoch FROM bucket_end)::bigint, counts
    FROM burnrate.count_block
    JOIN unnest(CAST(:resolutions AS int[]), CAST(:ends AS timestamptz[]))
        AS wanted (resolution_seconds, bucket_end) USING (resolution_seconds, bucket_end)
    WHERE shard = :shard"""
)
_STORE_BLOCKS = text(
    """INSERT INTO burnrate.count_block AS b (shard, resolution_seconds, bucket_end, counts)
    SELECT :shard, * FROM unnest(CAST(:resolutions AS int[]), CAST(:ends AS timestamptz[]),
        CAST(:blocks AS bytea[]))
    ON CONFLICT (shard, resolution_seconds, bucket_end) DO UPDATE SET counts = excluded.counts"""
)
_ADD_LATENCY = text(
    """INSERT INTO burnrate.latency AS l
        (resolution_seconds, service, bucket_end, bounds, counts)
    SELECT resolution, name, bucket_end, CAST(bounds AS float8[]), CAST(counts AS bigint[])
    FROM unnest(CAST(:resolutions AS int[]), CAST(:services AS text[]),
        CAST(:ends AS timestamptz[]), CAST(:bounds AS text[]), CAST(:counts AS text[]))
        AS x (resolution, name, bucket_end, bounds, counts)
    ON CONFLICT (resolution_seconds, service, bucket_end, bounds) DO UPDATE
    SET counts = (SELECT array_agg(least(a.n + b.n, CAST(:sum_limit AS bigint)) ORDER BY i)
        FROM unnest(l.counts) WITH ORDINALITY AS a (n, i)
        JOIN unnest(excluded.counts) WITH ORDINALITY AS b (n, i) USING (i))"""
)
_READ_DEDUP_KEYS = text(
    """SELECT extract(epoch FROM hour)::bigint, marks
    FROM burnrate.mark WHERE shard = :shard AND imported = :imported
        AND hour = ANY(CAST(:hours AS timestamptz[]))"""
)
_ADD_DEDUP_KEYS = text(
    """INSERT INTO burnrate.mark (shard, imported, hour, marks)
    SELECT :shard, :imported, *
    FROM unnest(CAST(:hours AS timestamptz[]), CAST(:marks AS bytea[]))"""
)
_READ_LINES = text(
    """SELECT import_id, lane, line FROM burnrate.import_line
    JOIN unnest(CAST(:imports AS text[]), CAST(:partitions AS text[])) AS wanted (import_id, lane)
        USING (import_id, lane) WHERE shard = :shard"""
)
_STORE_LINES = text(
    """INSERT INTO burnrate.import_line (shard, import_id, lane, line)
    SELECT :shard, * FROM unnest(CAST(:imports AS text[]), CAST(:partitions AS text[]),
        CAST(:lines AS bigint[]))
    ON CONFLICT (shard, import_id, lane) DO UPDATE SET line = excluded.line"""
)
_UPDATE_SERVICES = text(
    """INSERT INTO burnrate.service AS s (service, shard, slot, newest_at, duplicates,
        event_id_conflicts, unidentified, misrouted, source, sender)
    SELECT name, :shard, slot, newest, d, c, u, m, source, sender
    FROM unnest(CAST(:services AS text[]), CAST(:slots AS int[]), CAST(:newest AS timestamptz[]),
        CAST(:duplicates AS bigint[]), CAST(:conflicts AS bigint[]),
        CAST(:unidentified AS bigint[]), CAST(:misrouted AS bigint[]),
        CAST(:sources AS text[]), CAST(:senders AS text[]))
        AS x (name, slot, newest, d, c, u, m, source, sender)
    ON CONFLICT (service) DO UPDATE
    SET newest_at = greatest(s.newest_at, excluded.newest_at),
        duplicates = s.duplicates + excluded.duplicates,
        event_id_conflicts = s.event_id_conflicts + excluded.event_id_conflicts,
        unidentified = s.unidentified + excluded.unidentified,
        misrouted = s.misrouted + excluded.misrouted"""
)


async def read_blocks(
    session: ReadSession, shard: int, keys: Sequence[BlockKey]
) -> dict[BlockKey, bytes]:
    """Return the wanted blocks of counts that are stored, packed."""
    if not keys:
        return {}
    rows = await session.execute(_READ_BLOCKS, {"shard": shard, **_places(keys)})
    return {(resolution, end // resolution): packed for resolution, end, packed in rows}


async def store_blocks(session: WriteSession, shard: int, blocks: Mapping[BlockKey, bytes]) -> None:
    """Store blocks of counts, packed, in place of those of the same bucket."""
    if blocks:
        values = {"shard": shard, "blocks": list(blocks.values()), **_places(list(blocks))}
        await session.execute(_STORE_BLOCKS, values)


def _places(keys: Sequence[BlockKey]) -> dict[str, object]:
    return {
        "resolutions": [resolution for resolution, _ in keys],
        "ends": [bucket_end(bucket, resolution) for resolution, bucket in keys],
    }


async def add_latency(
    session: WriteSession, rows: Mapping[tuple[int, str, int, Bounds], list[int]]
) -> None:
    """Add histograms by (resolution, service, bucket number, bounds)."""
    if not rows:
        return
    # an array of arrays must be a rectangle in PostgreSQL, so that each row goes as its literal
    await session.execute(
        _ADD_LATENCY,
        {
            "resolutions": [resolution for resolution, _, _, _ in rows],
            "services": [name for _, name, _, _ in rows],
            "ends": [bucket_end(bucket, resolution) for resolution, _, bucket, _ in rows],
            "bounds": [_array(bounds) for _, _, _, bounds in rows],
            "counts": [_array(counts) for counts in rows.values()],
            "sum_limit": SUM_LIMIT,
        },
    )


def _array(numbers: Sequence[float]) -> str:
    return "{" + ",".join(map(repr, numbers)) + "}"


async def read_dedup_keys(
    session: ReadSession, shard: int, kind: DedupKeyKind, hours: Sequence[int]
) -> dict[int, bytes]:
    """Return the dedup keys of some hours (numbered since 1970), packed."""
    if not hours:
        return {}
    rows = await session.execute(_READ_DEDUP_KEYS, {**_of(shard, kind), "hours": _hours(hours)})
    parts: dict[int, list[bytes]] = {}
    for began, packed in rows:
        parts.setdefault(began // HOUR, []).append(packed)
    return {hour: b"".join(found) for hour, found in parts.items()}


async def add_dedup_keys(
    session: WriteSession, shard: int, kind: DedupKeyKind, added: Mapping[int, bytes]
) -> None:
    """Store further dedup keys of some hours, packed."""
    if added:
        values = {"hours": _hours(list(added)), "marks": list(added.values())}
        await session.execute(_ADD_DEDUP_KEYS, {**_of(shard, kind), **values})


def _of(shard: int, kind: DedupKeyKind) -> dict[str, object]:
    return {"shard": shard, "imported": kind is DedupKeyKind.IMPORTED}


def _hours(hours: Sequence[int]) -> list[datetime]:
    return [bucket_end(hour, HOUR) for hour in hours]


async def applied_lines(
    session: WriteSession, shard: int, streams: Iterable[ImportStream]
) -> dict[ImportStream, int]:
    """Return the highest line applied of each import stream."""
    named = _import_streams(streams)
    if not named["imports"]:
        return {}
    rows = await session.execute(_READ_LINES, {"shard": shard, **named})
    return {(import_id, partition): line for import_id, partition, line in rows}


async def store_lines(session: WriteSession, shard: int, lines: Mapping[ImportStream, int]) -> None:
    """Store the highest line applied of each import stream."""
    if lines:
        values = {"shard": shard, "lines": list(lines.values()), **_import_streams(lines)}
        await session.execute(_STORE_LINES, values)


def _import_streams(streams: Iterable[ImportStream]) -> dict[str, list[str]]:
    own = list(streams)
    return {"imports": [name for name, _ in own], "partitions": [partition for _, partition in own]}


async def update_services(
    session: WriteSession, shard: int, series: SeriesIndex, delta: BatchDelta
) -> None:
    """Store the newest timestamps and let the counters grow; a new service gets its row.

    That says who brought the name, and is never changed.
    """
    if not delta.names:
        return
    # sorted, so that two shards whose transactions meet cannot wait for each other
    named = sorted(zip(delta.names, delta.newest_micros.tolist(), strict=True))
    grown = [delta.counters.get(name, IngestCounters()) for name, _ in named]
    origins = [series.origins.get(name, UNKNOWN_ORIGIN) for name, _ in named]
    await session.execute(
        _UPDATE_SERVICES,
        {
            "shard": shard,
            "services": [name for name, _ in named],
            "slots": [series.index[name] for name, _ in named],
            # a batch of nothing but repeats has no newest; the stored one is greater
            "newest": [from_micros(max(micros, 0)) for _, micros in named],
            "duplicates": [g.duplicates for g in grown],
            "conflicts": [g.event_id_conflicts for g in grown],
            "unidentified": [g.unidentified for g in grown],
            "misrouted": [g.misrouted for g in grown],
            "sources": [origin.source for origin in origins],
            "senders": [origin.sender for origin in origins],
        },
    )
