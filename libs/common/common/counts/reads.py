"""The queries on stored counts: tables `service`, `count_block` and `latency` of burnrate.

Only burnrate writes them. Sessions come from outside. Ends of buckets are seconds since 1970.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import text

from common.arrays import Ints
from common.config.clock import MICROSECONDS, from_micros
from common.counts.layout import ROW_BYTES, SUM_LIMIT, SlowCount, Span, unpacked
from common.storage.database import ReadSession

_SLOTS = text("SELECT service, slot FROM burnrate.service WHERE shard = :shard")
_ALL_SLOTS = text("SELECT shard, slot, service FROM burnrate.service ORDER BY shard, slot")
_IN_SPAN = """resolution_seconds = :resolution AND bucket_end > :since
        AND bucket_end <= coalesce(CAST(:until AS timestamptz), 'infinity')"""
_BLOCKS = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint / resolution_seconds, counts
    FROM burnrate.count_block WHERE shard = :shard AND {_IN_SPAN}
    ORDER BY bucket_end DESC"""  # noqa: S608 - a constant
)
_BLOCKS_OF_ALL = text(
    f"""SELECT shard, extract(epoch FROM bucket_end)::bigint, counts
    FROM burnrate.count_block WHERE {_IN_SPAN}"""  # noqa: S608 - a constant
)
# a block has a row for each service of the shard, of which only one is read from the disk
_ROWS = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint AS ended,
        substr(counts, slot * {ROW_BYTES} + 1, {ROW_BYTES})
    FROM burnrate.service JOIN burnrate.count_block USING (shard)
        JOIN unnest(CAST(:resolution AS int[]), CAST(:since AS timestamptz[]),
            CAST(:until AS timestamptz[])) AS span (resolution_seconds, since, until)
        USING (resolution_seconds)
    WHERE service = :service AND bucket_end > since AND bucket_end <= coalesce(until, 'infinity')
        AND length(counts) > slot * {ROW_BYTES}
    ORDER BY ended"""  # noqa: S608 - a constant
)
# width_bucket is how many bounds are not above the threshold
_SLOW = text(
    f"""SELECT service, threshold, resolution_seconds,
        extract(epoch FROM bucket_end)::bigint AS ended,
        least({SUM_LIMIT}, sum((SELECT sum(n) FROM unnest(counts) AS n)))::bigint AS total,
        least({SUM_LIMIT}, sum((SELECT coalesce(sum(n), 0) FROM unnest(
            counts[width_bucket(threshold, bounds) + 1:]) AS n)))::bigint AS bad,
        least({SUM_LIMIT}, sum(CASE WHEN threshold = ANY(bounds) THEN 0
            ELSE counts[width_bucket(threshold, bounds) + 1] END))::bigint AS uncertain
    FROM unnest(CAST(:services AS text[]), CAST(:thresholds AS float8[]),
        CAST(:resolution AS int[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]))
        AS asked (service, threshold, resolution_seconds, since, until)
    JOIN burnrate.latency USING (service, resolution_seconds)
    WHERE bucket_end > since AND bucket_end <= coalesce(until, 'infinity')
    GROUP BY service, threshold, resolution_seconds, bucket_end ORDER BY ended"""  # noqa: S608 - a constant
)
_OLDEST = text(
    """SELECT extract(epoch FROM min(bucket_end))::bigint FROM burnrate.count_block
    WHERE resolution_seconds = :resolution"""
)
_HISTOGRAMS = text(
    f"""SELECT service, extract(epoch FROM bucket_end)::bigint, bounds, counts
    FROM burnrate.latency WHERE service = ANY(:services) AND {_IN_SPAN}"""  # noqa: S608 - a constant
)
_BOUNDS = text(
    """SELECT DISTINCT bounds FROM burnrate.latency
    WHERE service = :service AND resolution_seconds = ANY('{10, 60, 3600}')"""
)


async def services_by_shard(session: ReadSession) -> dict[int, list[str]]:
    """Return the services of each shard, in the order of the rows of its blocks."""
    found: dict[int, list[str]] = {}
    for shard, _, service in await session.execute(_ALL_SLOTS):
        found.setdefault(shard, []).append(service)
    return found


async def oldest_end(session: ReadSession, resolution_seconds: int) -> int | None:
    """Return when the oldest stored bucket of that length ended; None without any."""
    named = {"resolution": resolution_seconds}
    found: int | None = (await session.execute(_OLDEST, named)).scalar_one()
    return found


async def histograms(
    session: ReadSession, services: Sequence[str], span: Span
) -> list[tuple[str, int, tuple[float, ...], list[int]]]:
    """Return (service, end, bounds, counts) of the services' latency histograms."""
    named = {"services": list(services), **_span(span)}
    rows = await session.execute(_HISTOGRAMS, named)
    return [(name, ended, tuple(bounds), counts) for name, ended, bounds, counts in rows]


async def slots(session: ReadSession, shard: int) -> dict[str, int]:
    """Return which row of the shard's blocks each of its services has."""
    rows = await session.execute(_SLOTS, {"shard": shard})
    return {row.service: row.slot for row in rows}


async def blocks(session: ReadSession, shard: int, span: Span) -> list[tuple[int, bytes]]:
    """Return numbers and packed blocks of a shard's buckets, the newest first."""
    rows = await session.execute(_BLOCKS, {"shard": shard, **_span(span)})
    return [(bucket, packed) for bucket, packed in rows]


async def all_blocks(
    session: ReadSession, span: Span
) -> tuple[list[tuple[int, int, str]], list[tuple[int, int, bytes]]]:
    """Return (shard, slot, service) of all services, and (shard, end, packed block) of a span."""
    services = await session.execute(_ALL_SLOTS)
    found = await session.execute(_BLOCKS_OF_ALL, _span(span))
    return [(*row,) for row in services], [(*row,) for row in found]


async def service_rows(
    session: ReadSession, service: str, spans: Sequence[Span]
) -> tuple[Ints, Ints]:
    """Return the ends [n], rising, and rows [n, 3] of a service's buckets."""
    named = {"service": service, **_spans(spans)}
    found = (await session.execute(_ROWS, named)).all()
    ends = np.fromiter((ended for ended, _ in found), np.int64, len(found))
    return ends, unpacked(b"".join(row for _, row in found))


async def slow_counts(
    session: ReadSession, asked: Sequence[tuple[str, float, Span]]
) -> list[SlowCount]:
    """Return what histograms say of each (service, threshold, span), by rising end."""
    if not asked:
        return []
    named = {
        "services": [service for service, _, _ in asked],
        "thresholds": [threshold for _, threshold, _ in asked],
        **_spans([span for _, _, span in asked]),
    }
    return [SlowCount(*row) for row in await session.execute(_SLOW, named)]


async def latency_bounds(session: ReadSession, service: str) -> list[tuple[float, ...]]:
    """Return the sets of bounds of the service's histograms, in seconds."""
    return [tuple(bounds) for bounds in await session.scalars(_BOUNDS, {"service": service})]


def _span(span: Span) -> dict[str, object]:
    return {name: values[0] for name, values in _spans([span]).items()}


def _spans(spans: Sequence[Span]) -> dict[str, list[object]]:
    return {
        "resolution": [span.resolution_seconds for span in spans],
        "since": [_instant(span.since) for span in spans],
        "until": [_instant(span.until) for span in spans],
    }


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else from_micros(seconds * MICROSECONDS)
