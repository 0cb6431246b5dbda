"""Reads what a history needs, and has it computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from api_gateway.burn.history import (
    CountQuery,
    Objective,
    Point,
    Seconds,
    burn_history,
    grid,
    minutes_from,
    step_counts,
)
from api_gateway.burn.repository import CountStore
from api_gateway.catalog.domain import Target
from api_gateway.catalog.ports import Store
from api_gateway.http.problems import invalid
from api_gateway.http.time_range import Span
from api_gateway.projections.service_status import ServiceState
from api_gateway.projections.snapshots import ReadModel
from api_gateway.storage.redis_cache import SharedCache
from common.config.clock import MICROSECONDS, to_micros
from common.events import SloStatus
from common.slo.windows import DAY, MINUTE


@dataclass(frozen=True, slots=True)
class History:
    """The points of a service, the objective they are held against, and its present state.

    `step_counts` are requests and bad ones of the step that ends at each point.
    """

    slo: SloStatus
    step_seconds: int
    points: list[Point]
    step_counts: list[tuple[int, int]]
    current: ServiceState


class Series(NamedTuple):
    """Points, and the counts of their steps: what is shared by replicas."""

    points: list[Point]
    step_counts: list[tuple[int, int]]


SHARED_SECONDS = 15.0
SHARED_SECONDS_AT_THE_END = 5.0
"""While events of the last minute may still come in."""


async def read_history(  # noqa: PLR0913, PLR0917 - four sources and a question
    catalog: Store,
    count_store: CountStore,
    cache: SharedCache,
    read_model: ReadModel,
    service_name: str,
    span: Span,
    slo_id: int | None,
    now: datetime,
) -> History:
    """Return a service's history for one of its targets, by default that of its worst one.

    Raises a 422 problem where the service has no such target.
    """
    now_seconds = to_micros(now) // MICROSECONDS
    times, step = grid(span.since, span.until, span.step_seconds, now_seconds)
    async with catalog.read() as reader:
        targets = await reader.targets([service_name])
    current = read_model.state(service_name, targets, now)
    slo = _chosen(current, slo_id)
    query = CountQuery(
        service_name=service_name,
        since=span.since - slo.window_days * DAY,
        until=span.until,
        minutes_from=minutes_from(now_seconds),
        threshold_seconds=slo.threshold_seconds,
    )

    async def make() -> Series:
        async with count_store.read() as reader:
            reports, counts = await reader.reports(query), await reader.counts(query)
        objective = _objective(slo, targets)
        points = burn_history(times, reports, counts, objective, query.minutes_from)
        return Series(points, step_counts(times, step, counts))

    series = await cache.shared(
        _key(query, times, step, slo), Series, _shared_seconds(times, now_seconds), make
    )
    return History(slo, step, *series, current)


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
    wanted = state.slo_id if slo_id is None else slo_id
    for slo in state.slos:
        if slo.id == wanted:
            return slo
    known = ", ".join(str(slo.id) for slo in state.slos if slo.id is not None) or "none"
    detail = f"is no target of `{state.service_name}`; it has: {known}"
    raise invalid("slo", "unknown_target", detail)


def _objective(slo: SloStatus, targets: Sequence[Target]) -> Objective:
    """Return the objective as an exact decimal, which a snapshot has only as a float."""
    exact = {target.id: target.spec.objective for target in targets}
    objective = exact.get(slo.id or 0, Decimal(str(slo.objective)))
    return Objective(objective, slo.window_days, slo.min_bad_events)
