"""The counts that burnrate keeps, read for histories. The tables are burnrate's own."""

import numpy as np
from sqlalchemy import TextClause, text

from api_gateway.history import SUM_LIMIT, CountQuery, Counts, Reports, Seconds
from common.clock import MICROSECONDS, from_micros
from common.database import ReadSession

# hours up to `minutes_from`, minutes after it: one timeline, each event in it once
_TIMELINE = """service = :service
    AND ((resolution_seconds = 3600
          AND bucket_end > CAST(:since AS timestamptz)
          AND bucket_end <= least(CAST(:minutes_from AS timestamptz), :until))
      OR (resolution_seconds = 60
          AND bucket_end > greatest(CAST(:minutes_from AS timestamptz), :since)
          AND bucket_end <= CAST(:until AS timestamptz)))"""

_COUNTS = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint AS ended, total, bad, window_seconds
    FROM burnrate.count WHERE {_TIMELINE} ORDER BY ended"""  # noqa: S608 - a constant
)

_SLOW = text(
    f"""SELECT extract(epoch FROM bucket_end)::bigint AS ended,
        least({SUM_LIMIT}, sum((SELECT sum(n) FROM unnest(counts) AS n)))::bigint AS total,
        least({SUM_LIMIT}, sum((SELECT coalesce(sum(n), 0) FROM unnest(
            counts[array_position(bounds, CAST(:threshold AS float8)) + 1:]) AS n)))::bigint AS bad
    FROM burnrate.latency WHERE {_TIMELINE} AND CAST(:threshold AS float8) = ANY(bounds)
    GROUP BY ended ORDER BY ended"""  # noqa: S608 - a constant
)

_BOUNDS = text(
    """SELECT DISTINCT bounds FROM burnrate.latency
    WHERE service = :service AND resolution_seconds = ANY('{10, 60, 3600}')"""
)


class CountRepository:
    """Reads of `burnrate.count` and `burnrate.latency`."""

    def __init__(self, session: ReadSession) -> None:
        self._count_session = session

    async def latency_bounds(self, service_name: str) -> list[tuple[float, ...]]:
        """Return the sets of bounds of the service's histograms, in seconds."""
        found = await self._count_session.scalars(_BOUNDS, {"service": service_name})
        return [tuple(bounds) for bounds in found]

    async def reports(self, query: CountQuery) -> Reports:
        """Return when the service reported."""
        ends, _, _, window_seconds = await self._columns(_COUNTS, query)
        return Reports(ends, window_seconds)

    async def counts(self, query: CountQuery) -> Counts:
        """Return requests and bad ones: those slower than the threshold where there is one."""
        if query.threshold_seconds is None:
            ends, total, bad, _ = await self._columns(_COUNTS, query)
        else:
            ends, total, bad = await self._columns(_SLOW, query)
        return Counts(ends, total, bad)

    async def _columns(self, statement: TextClause, query: CountQuery) -> list[Seconds]:
        parameters: dict[str, object] = {
            "service": query.service_name,
            "since": from_micros(query.since * MICROSECONDS),
            "until": from_micros(query.until * MICROSECONDS),
            "minutes_from": from_micros(query.minutes_from * MICROSECONDS),
        }
        if query.threshold_seconds is not None and statement is _SLOW:
            parameters["threshold"] = query.threshold_seconds
        found = await self._count_session.execute(statement, parameters)
        width = len(found.keys())
        rows = np.array([tuple(row) for row in found], dtype=np.int64).reshape(-1, width)
        return [rows[:, column] for column in range(width)]
