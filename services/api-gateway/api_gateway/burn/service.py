"""Histories and previews: reads the counts that they need, and has them computed."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from api_gateway.burn.history import (
    CountQuery,
    Counts,
    Objective,
    Point,
    Seconds,
    burn_history,
    grid,
    minutes_from,
    step_counts,
)
from api_gateway.burn.repository import CountStore
from api_gateway.burn.schemas import (
    BurnHistory,
    BurnRateSnapshotAnswer,
    HistoryPoint,
    PreviewAnswer,
)
from api_gateway.catalog.domain import Target
from api_gateway.catalog.repository import CatalogStore
from api_gateway.http.problems import invalid
from api_gateway.http.time_range import Span
from api_gateway.projections.service_status import ServiceState
from api_gateway.projections.snapshots import ReadModel
from api_gateway.storage.redis_cache import SharedCache
from common.config.clock import MICROSECONDS, to_micros
from common.events import SloStatus
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY, HOUR, MINUTE

SHARED_SECONDS = 15.0
SHARED_SECONDS_AT_THE_END = 5.0
"""While events of the last minute may still come in."""


class Series(NamedTuple):
    """Points, and requests and bad ones of the steps that end there: what replicas share."""

    points: list[Point]
    step_counts: list[tuple[int, int]]


class BurnHistories:
    """Holds stored counts against objectives: histories of those there are, previews of others."""

    def __init__(
        self, catalog: CatalogStore, counts: CountStore, cache: SharedCache, snapshots: ReadModel
    ) -> None:
        self._catalog, self._counts = catalog, counts
        self._cache, self._snapshots = cache, snapshots

    async def history(
        self, service_name: str, span: Span, slo_id: int | None, now: datetime
    ) -> BurnHistory:
        """Return a service's history for one of its targets, by default that of its worst one.

        Raises a 422 problem where the service has no such target.
        """
        now_seconds = to_micros(now) // MICROSECONDS
        times, step = grid(span.since, span.until, span.step_seconds, now_seconds)
        async with self._catalog.read() as reader:
            targets = await reader.targets([service_name])
        current = self._snapshots.state(service_name, targets, now)
        slo = _chosen(current, slo_id)
        query = CountQuery(
            service_name=service_name,
            since=span.since - slo.window_days * DAY,
            until=span.until,
            minutes_from=minutes_from(now_seconds),
            threshold_seconds=slo.threshold_seconds,
        )

        key = _key(query, times, step, slo)
        seconds = _shared_seconds(times, now_seconds)
        objective = _objective(slo, targets)

        async def make() -> Series:
            points, counts = await self._points(query, times, objective)
            return Series(points, step_counts(times, step, counts))

        series = await self._cache.shared(key, Series, seconds, make)
        return BurnHistory(
            service_name=service_name,
            slo_id=slo.id,
            slo_name=slo.name,
            step_seconds=step,
            points=[HistoryPoint.of(service_name, *found) for found in zip(*series, strict=True)],
            current=BurnRateSnapshotAnswer.model_validate(current),
        )

    async def preview(
        self,
        service_name: str,
        objective: Objective,
        threshold_seconds: float | None,
        now: datetime,
    ) -> PreviewAnswer:
        """Hold the stored counts of a service against an objective that need not exist."""
        until = to_micros(now) // MICROSECONDS
        since = to_micros(now - timedelta(days=objective.window_days)) // MICROSECONDS
        times, step = grid(since, until, HOUR, until)
        reach = since - objective.window_days * DAY
        query = CountQuery(service_name, reach, until, minutes_from(until), threshold_seconds)
        times[-1] = until  # the last point is the present, not the last full hour
        points, counts = await self._points(query, times, objective)
        inside = counts.ends > since
        return _summed(points, step, int(counts.total[inside].sum()), int(counts.bad[inside].sum()))

    async def _points(
        self, query: CountQuery, times: Seconds, objective: Objective
    ) -> tuple[list[Point], Counts]:
        async with self._counts.read() as reader:
            reports, counts = await reader.reports(query), await reader.counts(query)
        return burn_history(times, reports, counts, objective, query.minutes_from), counts


def _summed(points: Sequence[Point], step_seconds: int, total: int, bad: int) -> PreviewAnswer:
    reported = [p for p in points if p.data_status is not DataStatus.NO_DATA]
    levels = Counter(point.risk_level for point in reported)
    last = points[-1]
    return PreviewAnswer(
        total=total,
        bad=bad,
        error_budget_consumed=last.error_budget_consumed,
        error_budget_remaining=last.error_budget_remaining,
        composite_burn_rate=last.composite_burn_rate,
        risk_level=last.risk_level,
        reported_seconds=len(reported) * step_seconds,
        level_seconds={level: levels[level] * step_seconds for level in RiskLevel},
    )


def _key(query: CountQuery, times: Seconds, step: int, slo: SloStatus) -> str:
    """Return what the series depends on beside the counts; `until` itself is not in it."""
    span = f"{times[0]}:{times[-1]}" if len(times) else "none"
    measure = f"{slo.id}:{slo.revision}:{slo.objective!r}:{slo.window_days}:{slo.min_bad_events}"
    limit = f"{query.threshold_seconds!r}:{query.minutes_from}"
    return f"history:{query.service_name}:{span}:{step}:{measure}:{limit}"


def _shared_seconds(times: Seconds, now: int) -> float:
    ends_now = len(times) > 0 and now - int(times[-1]) < MINUTE
    return SHARED_SECONDS_AT_THE_END if ends_now else SHARED_SECONDS


def _chosen(state: ServiceState, slo_id: int | None) -> SloStatus:
    asked = state.slo_id if slo_id is None else slo_id
    for slo in state.slos:
        if slo.id == asked:
            return slo
    known = ", ".join(str(slo.id) for slo in state.slos if slo.id is not None) or "none"
    detail = f"is no target of `{state.service_name}`; it has: {known}"
    raise invalid("slo", "unknown_target", detail)


def _objective(slo: SloStatus, targets: Sequence[Target]) -> Objective:
    """Return the objective as an exact decimal, which a snapshot has only as a float."""
    exact = {target.id: target.spec.objective for target in targets}
    objective = exact.get(slo.id or 0, Decimal(str(slo.objective)))
    return Objective(objective, slo.window_days, slo.min_bad_events)
