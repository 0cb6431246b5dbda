"""The counts that burnrate keeps, read for histories. The tables are burnrate's own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import numpy as np
from sqlalchemy import text

from api_gateway.burn.history import SUM_LIMIT, CountQuery, Counts, Reports, Seconds
from api_gateway.burn.hourly import HourlyCounts, HourlyRates, SlowCounts, hourly_burn_rates
from api_gateway.catalog.domain import Target
from common.config.clock import MICROSECONDS, from_micros
from common.events import TargetSpec
from common.slo.windows import HOUR
from common.storage.database import Database, ReadSession

# hours up to `minutes_from`, minutes after it: one timeline, each event in it once
_TIMELINE = """((resolution_seconds = 3600
          AND bucket_end > CAST(:since AS timestamptz)
          AND bucket_end <= least(CAST(:minutes_from AS timestamptz), :until))
      OR (resolution_seconds = 60
          AND bucket_end > greatest(CAST(:minutes_from AS timestamptz), :since)
          AND bucket_end <= CAST(:until AS timestamptz)))"""

# a block has a row for each service of the shard, of which only one is read from the disk
_ROW_BYTES = 24
_COUNTS = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint AS ended,
        substr(counts, slot * {_ROW_BYTES} + 1, {_ROW_BYTES}) AS row
    FROM burnrate.count_block JOIN burnrate.service USING (shard)
    WHERE service = :service AND {_TIMELINE} ORDER BY ended"""  # noqa: S608 - a constant
)

_SLOW = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint AS ended,
        least({SUM_LIMIT}, sum((SELECT sum(n) FROM unnest(counts) AS n)))::bigint AS total,
        least({SUM_LIMIT}, sum((SELECT coalesce(sum(n), 0) FROM unnest(
            counts[array_position(bounds, CAST(:threshold AS float8)) + 1:]) AS n)))::bigint AS bad
    FROM burnrate.latency
    WHERE service = :service AND {_TIMELINE} AND CAST(:threshold AS float8) = ANY(bounds)
    GROUP BY ended ORDER BY ended"""  # noqa: S608 - a constant
)

_SLOTS = text("SELECT shard, slot, service FROM burnrate.service ORDER BY shard, slot")
_HOUR_BLOCKS = text(
    """SELECT shard, extract(epoch FROM bucket_end)::bigint AS ended, counts
    FROM burnrate.count_block WHERE resolution_seconds = 3600
        AND bucket_end > :since AND bucket_end <= :until"""
)
_SLOW_HOURS = text(
    f"""SELECT wanted.id, extract(epoch FROM bucket_end)::bigint AS ended,
        least({SUM_LIMIT}, sum((SELECT sum(n) FROM unnest(counts) AS n)))::bigint AS total,
        least({SUM_LIMIT}, sum((SELECT coalesce(sum(n), 0) FROM unnest(
            counts[array_position(bounds, wanted.threshold) + 1:]) AS n)))::bigint AS bad
    FROM burnrate.latency JOIN unnest(CAST(:ids AS bigint[]), CAST(:services AS text[]),
        CAST(:thresholds AS float8[])) AS wanted (id, service, threshold) USING (service)
    WHERE resolution_seconds = 3600 AND bucket_end > :since AND bucket_end <= :until
        AND wanted.threshold = ANY(bounds)
    GROUP BY wanted.id, ended"""  # noqa: S608 - a constant
)


class CountStore:
    """Opens readers of the counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator["CountRepository"]:
        """Give a reader of one moment."""
        async with self._database.read() as session:
            yield CountRepository(session)


async def read_hourly_rates(
    reader: "CountRepository",
    ends: Seconds,
    targets: Mapping[str, Sequence[Target]],
    default: TargetSpec,
) -> HourlyRates:
    """Return each service's burn rate by hour, for hours by their ends (rising)."""
    every = [target for own in targets.values() for target in own]
    counts, slow = await reader.hourly_counts(ends), await reader.hourly_slow(ends, every)
    return hourly_burn_rates(counts, slow, targets, default)


class CountRepository:
    """Reads of `burnrate.count_block` and `burnrate.latency`."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def reports(self, query: CountQuery) -> Reports:
        """Return when the service reported."""
        ends, rows = await self._reported(query)
        return Reports(ends, rows[:, 2])

    async def counts(self, query: CountQuery) -> Counts:
        """Return requests and bad ones: those slower than the threshold where there is one."""
        if query.threshold_seconds is None:
            ends, rows = await self._reported(query)
            return Counts(ends, rows[:, 0], rows[:, 1])
        slow = {"threshold": query.threshold_seconds, **_parameters(query)}
        found = (await self._session.execute(_SLOW, slow)).all()
        columns = np.array([tuple(row) for row in found], dtype=np.int64).reshape(-1, 3)
        return Counts(columns[:, 0], columns[:, 1], columns[:, 2])

    async def hourly_counts(self, ends: Seconds) -> HourlyCounts:
        """Return the counts of every service that ever reported, for hours by their ends."""
        slots = (await self._session.execute(_SLOTS)).all()
        blocks = (await self._session.execute(_HOUR_BLOCKS, _hours(ends))).all()
        column = {end: at for at, end in enumerate(ends.tolist())}
        sums = np.zeros((2, len(slots), len(ends)), np.int64)
        for shard, ended, packed in blocks:
            rows = np.frombuffer(packed, "<i8").reshape(-1, 3)
            mine = [(at, s.slot) for at, s in enumerate(slots) if s.shard == shard]
            kept = np.array([pair for pair in mine if pair[1] < len(rows)], np.int64).reshape(-1, 2)
            sums[:, kept[:, 0], column[ended]] = rows[kept[:, 1], :2].T
        return HourlyCounts(tuple(s.service for s in slots), ends, sums[0], sums[1])

    async def hourly_slow(self, ends: Seconds, targets: Sequence[Target]) -> SlowCounts:
        """Return requests and slow ones by target, for hours by their ends."""
        latency = [t for t in targets if t.spec.threshold_seconds is not None]
        parameters = {
            "ids": [t.id for t in latency],
            "services": [t.service_name for t in latency],
            "thresholds": [t.spec.threshold_seconds for t in latency],
        }
        found: dict[int, list[tuple[int, int, int]]] = {}
        rows = await self._session.execute(_SLOW_HOURS, {**parameters, **_hours(ends)})
        for row in rows:
            found.setdefault(row.id, []).append((row.ended, row.total, row.bad))
        return found

    async def _reported(self, query: CountQuery) -> tuple[Seconds, Seconds]:
        """Return bucket ends and [n, 3] total, bad, longest report, where there was a report."""
        found = (await self._session.execute(_COUNTS, _parameters(query))).all()
        present = [(ended, row) for ended, row in found if row]
        rows = np.frombuffer(b"".join(row for _, row in present), "<i8").reshape(-1, 3)
        reported = rows[:, 2] > 0
        ends = np.fromiter((ended for ended, _ in present), np.int64, len(present))
        return ends[reported], rows[reported].astype(np.int64)


def _hours(ends: Seconds) -> dict[str, object]:
    since, until = int(ends[0]) - HOUR, int(ends[-1])
    return {
        "since": from_micros(since * MICROSECONDS),
        "until": from_micros(until * MICROSECONDS),
    }


def _parameters(query: CountQuery) -> dict[str, object]:
    return {
        "service": query.service_name,
        "since": from_micros(query.since * MICROSECONDS),
        "until": from_micros(query.until * MICROSECONDS),
        "minutes_from": from_micros(query.minutes_from * MICROSECONDS),
    }
