"""Histories and previews: reads the counts that they need, and has them computed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import numpy as np

from api_gateway.burn.history import (
    Counts,
    Kept,
    Objective,
    Point,
    Reports,
    burn_history,
    present_counts,
    reported_steps,
    step_counts,
)
from api_gateway.burn.repository import CountStore
from api_gateway.burn.schemas import (
    BurnHistory,
    BurnRateSnapshotAnswer,
    HistoryPoint,
    PreviewAnswer,
    from_seconds,
)
from api_gateway.burn.status import STATUS_WINDOWS, status_of
from api_gateway.burn.steps import CountQuery, Steps, history_query, steps
from api_gateway.catalog.domain import Target
from api_gateway.catalog.repository import CatalogStore
from api_gateway.http.problems import invalid
from api_gateway.http.time_range import Span
from api_gateway.projections.service_status import ServiceState
from api_gateway.projections.snapshots import ReadModel
from api_gateway.storage.redis_cache import SharedCache
from common.config.clock import whole_seconds
from common.events import BurnRateSnapshot, SloStatus, TargetSpec, worst_of
from common.slo.freshness import UNTRUSTED
from common.slo.streams import stream_of
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY, HOUR, MINUTE

SHARED_SECONDS = 15.0
SHARED_SECONDS_AT_THE_END = 5.0
"""While events of the last minute may still come in."""


class Series(NamedTuple):
    """Points, and requests, bad and uncertain ones of their steps: what replicas share."""

    edges: list[int]
    points: list[Point]
    step_counts: list[tuple[int, int, int]]


class BurnHistories:
    """Holds stored counts against objectives: histories of those there are, previews of others."""

    def __init__(
        self, catalog: CatalogStore, counts: CountStore, cache: SharedCache, snapshots: ReadModel
    ) -> None:
        self._catalog, self._counts = catalog, counts
        self._cache, self._snapshots = cache, snapshots

    async def history(
        self,
        service_name: str,
        span: Span,
        slo_id: int | None,
        now: datetime,
        indicator: str | None = None,
    ) -> BurnHistory:
        """Return a service's history for one of its targets, by default that of its worst one.

        With an indicator it is one of those that are held against it. Raises a 422 problem where
        the service has no such target.
        """
        at = whole_seconds(now)
        cut = steps(span.since, span.until, span.step_seconds, at)
        async with self._catalog.read() as reader:
            targets = await reader.targets([service_name])
        current = self._snapshots.state(service_name, targets, now)
        slo = _chosen(current, slo_id, indicator)
        stream = stream_of(service_name, slo.indicator)
        query = history_query(stream, cut, slo.window_days, slo.threshold_seconds, at)
        objective = _objective(slo, targets)

        key, seconds = _key(query, cut, slo, at), _shared_seconds(cut, at)
        series = await self._cache.shared(
            key, Series, seconds, partial(self._series, query, cut, objective, at)
        )
        return BurnHistory(
            service_name=service_name,
            slo_id=slo.id,
            slo_name=slo.name,
            indicator=slo.indicator,
            since=from_seconds(series.edges[0]),
            until=from_seconds(series.edges[-1]),
            step_seconds=cut.step_seconds,
            points=_answers(service_name, series, cut.step_seconds),
            current=BurnRateSnapshotAnswer.model_validate(current),
        )

    async def preview(
        self,
        stream: str,
        objective: Objective,
        threshold_seconds: float | None,
        now: datetime,
    ) -> PreviewAnswer:
        """Hold the stored counts of a stream against an objective that need not exist."""
        at = whole_seconds(now)
        cut = steps(at - objective.window_days * DAY, at, HOUR, at)
        query = history_query(stream, cut, objective.window_days, threshold_seconds, at)
        reports, counts = await self._read(query)
        kept = Kept(query.minutes_from, at)
        points = burn_history(cut.ends, reports, counts, objective, kept)
        return _summed(points, cut, reports, at)

    async def _series(self, query: CountQuery, cut: Steps, objective: Objective, at: int) -> Series:
        reports, counts = await self._read(query)
        kept = Kept(query.minutes_from, at)
        points = burn_history(cut.ends, reports, counts, objective, kept)
        return Series(cut.edges.tolist(), points, step_counts(cut, counts, at))

    async def status(
        self, snapshot: BurnRateSnapshot, spec: TargetSpec, target_id: int | None, now: datetime
    ) -> SloStatus:
        """Return the figures of a target that need not exist, as the next snapshot would have it.

        What it says of reports is that of the snapshot's first objective.
        """
        at = whole_seconds(now)
        cut = steps(at - HOUR, at, HOUR, at)
        stream = stream_of(snapshot.service_name, spec.indicator)
        query = history_query(stream, cut, spec.window_days, spec.threshold_seconds, at)
        _, counts = await self._read(query)
        found = present_counts(
            counts, [snapshot.short_window_seconds, *STATUS_WINDOWS, spec.window_days * DAY], at
        )
        return status_of(spec, target_id, snapshot, found)

    async def _read(self, query: CountQuery) -> tuple[Reports, Counts]:
        async with self._counts.read() as reader:
            return await reader.history(query)


def _answers(service_name: str, series: Series, step_seconds: int) -> list[HistoryPoint]:
    lengths = np.diff(series.edges).tolist()
    return [
        HistoryPoint.of(service_name, point, counts, length, partial=length < step_seconds)
        for point, counts, length in zip(series.points, series.step_counts, lengths, strict=True)
    ]


def _summed(points: Sequence[Point], cut: Steps, reports: Reports, now: int) -> PreviewAnswer:
    """Return the present and the hours that were reported: silence is no level."""
    reported = reported_steps(cut, reports, now)
    seconds = dict.fromkeys(RiskLevel, 0)
    for point, length in zip(points, np.where(reported, cut.lengths, 0).tolist(), strict=True):
        seconds[point.risk_level] += length
    last, reported_seconds = points[-1], sum(seconds.values())
    silent = not (reports.ends > now - DAY).any()  # all windows of the composite are empty
    status = DataStatus.NO_DATA if silent else last.data_status
    return PreviewAnswer(
        total=last.total,
        bad=last.bad,
        uncertain=last.uncertain,
        composite_burn_rate_least=last.composite_burn_rate_least,
        error_budget_remaining_most=last.error_budget_remaining_most,
        error_budget_consumed=last.error_budget_consumed,
        error_budget_remaining=last.error_budget_remaining,
        composite_burn_rate=last.composite_burn_rate,
        risk_level=None if status in UNTRUSTED else last.risk_level,
        data_status=status,
        reported_seconds=reported_seconds,
        coverage_ratio=reported_seconds / int(cut.lengths.sum()),
        level_seconds=seconds,
    )


def _key(query: CountQuery, cut: Steps, slo: SloStatus, now: int) -> str:
    """Return what the series depends on beside the counts; the present is not in it."""
    ends = [edge for edge in (int(cut.edges[0]), *cut.edges[-2:].tolist()) if edge != now]
    span = f"{'-'.join(map(str, ends))}:{int(cut.edges[-1]) == now}"
    measure = f"{slo.id}:{slo.revision}:{slo.objective!r}:{slo.window_days}:{slo.min_bad_events}"
    limit = f"{query.threshold_seconds!r}:{query.minutes_from}"
    return f"history:{query.stream}:{span}:{cut.step_seconds}:{measure}:{limit}"


def _shared_seconds(cut: Steps, now: int) -> float:
    ends_now = now - int(cut.edges[-1]) < MINUTE
    return SHARED_SECONDS_AT_THE_END if ends_now else SHARED_SECONDS


def _chosen(state: ServiceState, slo_id: int | None, indicator: str | None) -> SloStatus:
    own = [slo for slo in state.slos if indicator in {None, slo.indicator}]
    if not own:
        known = ", ".join(dict.fromkeys(slo.indicator for slo in state.slos))
        detail = f"no target of `{state.service_name}` is held against it; they are against {known}"
        raise invalid("indicator", "unknown_indicator", detail)
    if slo_id is None:
        return worst_of(own)
    for slo in own:
        if slo.id == slo_id:
            return slo
    ids = ", ".join(str(slo.id) for slo in own if slo.id is not None) or "none"
    of = "" if indicator is None else f" against `{indicator}`"
    detail = f"is no target of `{state.service_name}`{of}; it has: {ids}"
    raise invalid("slo", "unknown_target", detail)


def _objective(slo: SloStatus, targets: Sequence[Target]) -> Objective:
    """Return the objective as an exact decimal, which a snapshot has only as a float."""
    exact = {target.id: target.spec.objective for target in targets}
    objective = exact.get(slo.id or 0, Decimal(str(slo.objective)))
    return Objective(objective, slo.window_days, slo.min_bad_events)
