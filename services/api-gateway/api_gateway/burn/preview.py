"""What another target would have meant, by the counts that are stored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from api_gateway.burn.history import CountQuery, Objective, Point, burn_history, grid, minutes_from
from api_gateway.burn.repository import CountStore
from common.config.clock import MICROSECONDS, to_micros
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY


@dataclass(frozen=True, slots=True)
class Preview:
    """A budget as it would stand now, and how the level would have been over the window.

    `reported_seconds` is for how long the service reported at all; `level_seconds` divides it.
    """

    total: int
    bad: int
    error_budget_consumed: float
    error_budget_remaining: float
    composite_burn_rate: float
    risk_level: RiskLevel
    reported_seconds: int
    level_seconds: dict[RiskLevel, int]


async def preview_target(  # noqa: PLR0913, PLR0917 - what a target is
    count_store: CountStore,
    service_name: str,
    objective: Decimal,
    window_days: int,
    threshold_seconds: float | None,
    now: datetime,
) -> Preview:
    """Hold the stored counts of a service against an objective, a ratio."""
    until = to_micros(now) // MICROSECONDS
    since = to_micros(now - timedelta(days=window_days)) // MICROSECONDS
    times, step = grid(since, until, 3600, until)
    query = CountQuery(
        service_name, since - window_days * DAY, until, minutes_from(until), threshold_seconds
    )
    async with count_store.read() as reader:
        reports, counts = await reader.reports(query), await reader.counts(query)
    times[-1] = until  # the last point is the present, not the last full hour
    points = burn_history(
        times, reports, counts, Objective(objective, window_days, 1), query.minutes_from
    )
    inside = counts.ends > since
    return _summed(points, step, int(counts.total[inside].sum()), int(counts.bad[inside].sum()))


def _summed(points: Sequence[Point], step_seconds: int, total: int, bad: int) -> Preview:
    reported = [p for p in points if p.data_status is not DataStatus.NO_DATA]
    levels = Counter(point.risk_level for point in reported)
    last = points[-1]
    return Preview(
        total=total,
        bad=bad,
        error_budget_consumed=last.error_budget_consumed,
        error_budget_remaining=last.error_budget_remaining,
        composite_burn_rate=last.composite_burn_rate,
        risk_level=last.risk_level,
        reported_seconds=len(reported) * step_seconds,
        level_seconds={level: levels[level] * step_seconds for level in RiskLevel},
    )
