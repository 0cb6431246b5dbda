"""All SQL of the burnrate service. Sessions come from outside; nothing here commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from burnrate.rings import SUM_LIMIT
from burnrate.tables import import_line, mark
from burnrate.tally import Bounds, Count, Lane
from common.admission import Identity
from common.clock import MICROSECONDS, from_micros
from common.database import WriteSession
from common.events import BurnRateSnapshot, IngestCounters, encode

_ADD_COUNTS = text(
    """INSERT INTO burnrate.count AS c
        (resolution_seconds, service, bucket_end, total, bad, window_seconds)
    SELECT * FROM unnest(CAST(:resolutions AS int[]), CAST(:services AS text[]),
        CAST(:ends AS timestamptz[]), CAST(:totals AS bigint[]), CAST(:bads AS bigint[]),
        CAST(:seconds AS int[]))
    ORDER BY 1, 2, 3
    ON CONFLICT (resolution_seconds, service, bucket_end) DO UPDATE
    SET total = least(c.total + excluded.total, CAST(:sum_limit AS bigint)),
        bad = least(c.bad + excluded.bad, CAST(:sum_limit AS bigint)),
        window_seconds = greatest(c.window_seconds, excluded.window_seconds)"""
)
_ADD_LATENCY = text(
    """INSERT INTO burnrate.latency AS l
        (resolution_seconds, service, bucket_end, bounds, counts)
    VALUES (:resolution, :service, :bucket_end, :bounds, :counts)
    ON CONFLICT (resolution_seconds, service, bucket_end, bounds) DO UPDATE
    SET counts = (SELECT array_agg(least(a.n + b.n, CAST(:sum_limit AS bigint)) ORDER BY i)
        FROM unnest(l.counts) WITH ORDINALITY AS a (n, i)
        JOIN unnest(excluded.counts) WITH ORDINALITY AS b (n, i) USING (i))"""
)
_ADD_MARKS = text(
    """INSERT INTO burnrate.mark (shard, identity, content, hour)
    SELECT :shard, * FROM unnest(CAST(:identities AS bytea[]), CAST(:contents AS bytea[]),
        CAST(:hours AS timestamptz[]))
    ORDER BY 2 ON CONFLICT DO NOTHING RETURNING identity"""
)

_UPDATE_SERVICES = text(
    """INSERT INTO burnrate.service AS s (service, shard, newest_at, duplicates,
        event_id_conflicts, unidentified, misrouted)
    SELECT name, :shard, newest, d, c, u, m
    FROM unnest(CAST(:services AS text[]), CAST(:newest AS timestamptz[]),
        CAST(:duplicates AS bigint[]), CAST(:conflicts AS bigint[]),
        CAST(:unidentified AS bigint[]), CAST(:misrouted AS bigint[]))
        AS x (name, newest, d, c, u, m)
    ON CONFLICT (service) DO UPDATE
    SET newest_at = greatest(s.newest_at, excluded.newest_at),
        duplicates = s.duplicates + excluded.duplicates,
        event_id_conflicts = s.event_id_conflicts + excluded.event_id_conflicts,
        unidentified = s.unidentified + excluded.unidentified,
        misrouted = s.misrouted + excluded.misrouted"""
)
_STORE_SNAPSHOTS = text(
    """INSERT INTO burnrate.snapshot AS s (service, shard, epoch, evaluated_at, payload)
    SELECT name, shard, epoch, at, CAST(payload AS jsonb)
    FROM unnest(CAST(:services AS text[]), CAST(:shards AS int[]), CAST(:epochs AS bigint[]),
        CAST(:instants AS timestamptz[]), CAST(:payloads AS text[]))
        AS x (name, shard, epoch, at, payload)
    ON CONFLICT (service) DO UPDATE
    SET shard = excluded.shard, epoch = excluded.epoch, evaluated_at = excluded.evaluated_at,
        payload = excluded.payload
    WHERE (excluded.epoch, excluded.evaluated_at) > (s.epoch, s.evaluated_at)"""
)
_LONG_AGO = from_micros(0)


def bucket_end(bucket: int, resolution: int) -> datetime:
    """Return the end of a bucket, the instant that names its row."""
    return from_micros(bucket * resolution * MICROSECONDS)


async def add_counts(session: WriteSession, rows: Mapping[tuple[int, str, int], Count]) -> None:
    """Add counts by (resolution, service, bucket number)."""
    if not rows:
        return
    keys, values = list(rows), list(rows.values())
    await session.execute(
        _ADD_COUNTS,
        {
            "resolutions": [resolution for resolution, _, _ in keys],
            "services": [name for _, name, _ in keys],
            "ends": [bucket_end(bucket, resolution) for resolution, _, bucket in keys],
            "totals": [value.total for value in values],
            "bads": [value.bad for value in values],
            "seconds": [value.window_seconds for value in values],
            "sum_limit": SUM_LIMIT,
        },
    )


async def add_latency(
    session: WriteSession, rows: Mapping[tuple[int, str, int, Bounds], list[int]]
) -> None:
    """Add histograms by (resolution, service, bucket number, bounds)."""
    if not rows:
        return
    await session.execute(
        _ADD_LATENCY,
        [
            {
                "resolution": resolution,
                "service": name,
                "bucket_end": bucket_end(bucket, resolution),
                "bounds": list(bounds),
                "counts": counts,
                "sum_limit": SUM_LIMIT,
            }
            for (resolution, name, bucket, bounds), counts in sorted(rows.items())
        ],
    )


async def add_marks(
    session: WriteSession, shard: int, marks: Mapping[bytes, tuple[Identity, datetime]]
) -> dict[bytes, bytes]:
    """Mark identities as counted; return those that already were, with their content's hash."""
    if not marks:
        return {}
    wanted = list(marks.values())
    added = await session.execute(
        _ADD_MARKS,
        {
            "shard": shard,
            "identities": [identity.key for identity, _ in wanted],
            "contents": [identity.content for identity, _ in wanted],
            "hours": [at.replace(minute=0, second=0, microsecond=0) for _, at in wanted],
        },
    )
    known = marks.keys() - {bytes(key) for key in added.scalars()}
    if not known:
        return {}
    found = await session.execute(
        select(mark.c.identity, mark.c.content).where(
            mark.c.shard == shard, mark.c.identity.in_(known)
        )
    )
    return {bytes(key): bytes(content) for key, content in found}


async def applied_lines(
    session: WriteSession, shard: int, lanes: Iterable[Lane]
) -> dict[Lane, int]:
    """Return the highest line applied of each import, by lane."""
    wanted = list(lanes)
    if not wanted:
        return {}
    rows = await session.execute(
        select(import_line.c.import_id, import_line.c.lane, import_line.c.line).where(
            import_line.c.shard == shard,
            tuple_(import_line.c.import_id, import_line.c.lane).in_(wanted),
        )
    )
    return {(import_id, lane): line for import_id, lane, line in rows}


async def store_lines(session: WriteSession, shard: int, lines: Mapping[Lane, int]) -> None:
    """Store the highest line applied of each import, by lane."""
    if not lines:
        return
    statement = insert(import_line).values(
        [
            {"shard": shard, "import_id": import_id, "lane": lane, "line": line}
            for (import_id, lane), line in lines.items()
        ]
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["shard", "import_id", "lane"], set_={"line": statement.excluded.line}
        )
    )


async def update_services(
    session: WriteSession,
    shard: int,
    newest: Mapping[str, datetime],
    oddities: Mapping[str, IngestCounters],
) -> None:
    """Store the newest timestamps and let the counters grow; a new service gets its row."""
    names = sorted(newest.keys() | oddities.keys())
    if not names:
        return
    grown = [oddities.get(name, IngestCounters()) for name in names]
    await session.execute(
        _UPDATE_SERVICES,
        {
            "shard": shard,
            "services": names,
            # a batch of nothing but repeats has no newest; the stored one is greater
            "newest": [newest.get(name, _LONG_AGO) for name in names],
            "duplicates": [g.duplicates for g in grown],
            "conflicts": [g.event_id_conflicts for g in grown],
            "unidentified": [g.unidentified for g in grown],
            "misrouted": [g.misrouted for g in grown],
        },
    )


async def store_snapshots(session: WriteSession, snapshots: Sequence[BurnRateSnapshot]) -> None:
    """Store each service's snapshot, unless a newer owner or a later one has been there."""
    ordered = sorted(snapshots, key=lambda s: s.service_name)
    await session.execute(
        _STORE_SNAPSHOTS,
        {
            "services": [s.service_name for s in ordered],
            "shards": [s.shard for s in ordered],
            "epochs": [s.epoch for s in ordered],
            "instants": [s.evaluated_at for s in ordered],
            "payloads": [encode(s).decode() for s in ordered],
        },
    )
