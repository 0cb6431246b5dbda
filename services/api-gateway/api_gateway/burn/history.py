"""Burn rates of the past, computed from stored counts. Pure; times are whole seconds since 1970.

A point at t sums, for each window W, the buckets with t - W < end <= t. The buckets form one
timeline: hours up to `minutes_from`, minutes after it.

An hour's burn rate is (bad / total) / (1 - objective) over that hour alone; of several objectives
the greatest counts, as it does for the service's present level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from api_gateway.catalog.domain import Target
from common.counts.layout import MINUTES_READ_SECONDS, SUM_LIMIT
from common.events import TargetSpec
from common.slo.arithmetic import (
    burn_rate,
    burn_rates,
    composite_burn_rates,
    error_budget_remaining,
)
from common.slo.freshness import MIN_STALE_SECONDS, STALE_REPORTS
from common.slo.risk import cap_risk_level, level_at, settled_composite
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import DAY, HOUR, SHORT_WINDOW_SECONDS, SHORTEST_REPORTS

MAX_POINTS = 1000
HOURS_SHOWN = 24

Seconds = NDArray[np.int64]
Rates = NDArray[np.float64]
HourlyRates = dict[str, list[float | None]]
"""By service: a burn rate for each hour, None where nothing was requested or reported."""


@dataclass(frozen=True, slots=True)
class CountQuery:
    """Buckets with since < end <= until: hours up to `minutes_from`, minutes after it.

    `threshold_seconds` asks for the share of requests slower than it, None for bad requests.
    """

    service_name: str
    since: int
    until: int
    minutes_from: int
    threshold_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """When a service reported: bucket ends, rising, and the longest report in each (seconds)."""

    ends: Seconds
    window_seconds: Seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and bad requests by bucket end (rising)."""

    ends: Seconds
    total: Seconds
    bad: Seconds


@dataclass(frozen=True, slots=True)
class Objective:
    """What the counts are held against; `objective` is an exact ratio."""

    objective: Decimal
    window_days: int
    min_bad_events: int


@dataclass(frozen=True, slots=True)
class Point:
    """A service's burn at one instant; the names are those of the snapshot."""

    at: int
    burn_rate_5m: float
    burn_rate_1h: float
    burn_rate_24h: float
    composite_burn_rate: float
    error_budget_consumed: float
    error_budget_remaining: float
    risk_level: RiskLevel
    risk_capped: bool
    data_status: DataStatus
    short_window_seconds: int


def minutes_from(now: int) -> int:
    """Return the full hour after which every minute is kept."""
    return -(-(now - MINUTES_READ_SECONDS) // HOUR) * HOUR


def grid(since: int, until: int, step_seconds: int, now: int) -> tuple[Seconds, int]:
    """Return the instants in [since, until] that are multiples of the step, and the step.

    The step is a whole multiple of the one asked for: the least that gives at most MAX_POINTS,
    and at least an hour where only hours are kept.
    """
    factor = -(-HOUR // step_seconds) if since < minutes_from(now) else 1
    factor = max(factor, (until - since) // (step_seconds * MAX_POINTS))
    while _count(since, until, step_seconds * factor) > MAX_POINTS:
        factor += 1
    step = step_seconds * factor
    first = -(-since // step) * step
    return np.arange(first, until + 1, step, dtype=np.int64), step


def _count(since: int, until: int, step: int) -> int:
    return until // step - -(-since // step) + 1


def burn_history(
    times: Seconds, reports: Reports, counts: Counts, objective: Objective, minutes_from: int
) -> list[Point]:
    """Return a point for each time (rising).

    `reports` and `counts` hold all buckets from the longest window before the first time on.
    A point before the first report has zero rates and the status no_data.
    """
    newest, resolution = _resolution(reports, times)
    short = _at_least(SHORT_WINDOW_SECONDS, SHORTEST_REPORTS * resolution, times, minutes_from)
    stale = _at_least(MIN_STALE_SECONDS, STALE_REPORTS * resolution, times, minutes_from)
    lengths = (0, HOUR, DAY, objective.window_days * DAY)
    sums = _window_sums(counts, times, [np.maximum(n, short) for n in lengths])
    total, bad = sums[:, :3]
    spent = sums[::-1, 3].T.tolist()
    rates = burn_rates(bad, total, objective.objective)
    composite = composite_burn_rates(*rates)
    return [
        _point(
            at,
            (*rates[:, i].tolist(), float(composite[i])),
            [
                *zip(bad[:, i].tolist(), total[:, i].tolist(), strict=True),
                (bad_in_slo, total_in_slo),
            ],
            objective,
            _status(int(newest[i]), at, int(stale[i]), int(total[0, i])),
            int(short[i]),
        )
        for i, (at, (bad_in_slo, total_in_slo)) in enumerate(
            zip(times.tolist(), spent, strict=True)
        )
    ]


def step_counts(times: Seconds, step_seconds: int, counts: Counts) -> list[tuple[int, int]]:
    """Return requests and bad ones of the step that ends at each time."""
    sums = _window_sums(counts, times, [np.full_like(times, step_seconds)])[:, 0]
    return [(total, bad) for total, bad in sums.T.tolist()]


def _at_least(shortest: int, length: Seconds, times: Seconds, minutes_from: int) -> Seconds:
    """Return how far to look back; to where only hours are kept no less than one of them."""
    length = np.maximum(shortest, length)
    return np.where(times - length < minutes_from, np.maximum(length, HOUR), length)


def _point(  # noqa: PLR0913, PLR0917 - the parts of a point
    at: int,
    figures: tuple[float, float, float, float],
    counts: Sequence[tuple[int, int]],
    objective: Objective,
    status: DataStatus,
    short_window_seconds: int,
) -> Point:
    """Return a point; `counts` are (bad, total) of 5 m, 1 h, 24 h and the SLO window."""
    short, hour, day, composite = figures
    *burn, slo = counts
    settled = settled_composite(composite, burn, objective.objective)
    level = level_at(settled)
    shown = cap_risk_level(level, counts[2][0], objective.min_bad_events)
    return Point(
        at=at,
        burn_rate_5m=short,
        burn_rate_1h=hour,
        burn_rate_24h=day,
        composite_burn_rate=float(settled),
        error_budget_consumed=burn_rate(*slo, objective.objective),
        error_budget_remaining=error_budget_remaining(*slo, objective.objective),
        risk_level=shown,
        risk_capped=shown is not level,
        data_status=status,
        short_window_seconds=short_window_seconds,
    )


def _window_sums(counts: Counts, times: Seconds, windows: Sequence[Seconds]) -> Seconds:
    """Return [total or bad, window, time] sums over (t - window, t]; they stop at SUM_LIMIT."""
    high = np.searchsorted(counts.ends, times, side="right")
    lows = [np.searchsorted(counts.ends, times - window, side="right") for window in windows]
    # Python's integers, since a thousand huge counts would wrap 64 bits
    running = [np.cumsum([0, *c.tolist()], dtype=object) for c in (counts.total, counts.bad)]
    sums = np.array([[r[high] - r[low] for low in lows] for r in running], dtype=object)
    stopped: Seconds = np.minimum(sums, SUM_LIMIT).astype(np.int64)
    return stopped


def _resolution(reports: Reports, times: Seconds) -> tuple[Seconds, Seconds]:
    """Return for each time the end of the newest bucket and the longest report in its hour.

    Both are 0 where nothing had been reported yet.
    """
    newest = np.zeros_like(times)
    resolution = np.zeros_like(times)
    last = np.searchsorted(reports.ends, times, side="right") - 1
    seen = last >= 0
    newest[seen] = reports.ends[last[seen]]
    first = np.searchsorted(reports.ends, newest - HOUR, side="right")
    for i in np.flatnonzero(seen):
        resolution[i] = reports.window_seconds[first[i] : last[i] + 1].max()
    return newest, resolution


def _status(newest: int, at: int, stale: int, recent_total: int) -> DataStatus:
    if not newest:
        return DataStatus.NO_DATA
    if at - newest > stale:
        return DataStatus.STALE
    return DataStatus.OK if recent_total else DataStatus.NO_TRAFFIC


@dataclass(frozen=True, slots=True)
class HourlyCounts:
    """Requests of services (rows) by hour (columns); `ends` are the hours' ends, rising."""

    names: tuple[str, ...]
    ends: Seconds
    total: Seconds
    bad: Seconds


SlowCounts = Mapping[int, Sequence[tuple[int, int, int]]]
"""By latency target: the ends of hours with their requests and the slower ones."""


def hour_ends(now_seconds: int, hours: int = HOURS_SHOWN) -> Seconds:
    """Return the ends of the last hours, the one that is running last."""
    last = -(-now_seconds // HOUR) * HOUR
    return np.arange(last - (hours - 1) * HOUR, last + 1, HOUR, dtype=np.int64)


def hourly_burn_rates(
    counts: HourlyCounts,
    slow: SlowCounts,
    targets: Mapping[str, Sequence[Target]],
    default: TargetSpec,
) -> HourlyRates:
    """Return each service's burn rate by hour."""
    shown = {}
    for row, name in enumerate(counts.names):
        own = targets.get(name, ())
        rates = _count_rates(counts.total[row], counts.bad[row], own, default)
        for target in own:
            if target.spec.threshold_seconds is not None:
                _raise_to(rates, counts.ends, slow.get(target.id, ()), target.spec.objective)
        shown[name] = [None if np.isnan(rate) else float(rate) for rate in rates]
    return shown


def _count_rates(
    total: Seconds, bad: Seconds, targets: Sequence[Target], default: TargetSpec
) -> Rates:
    """Return the burn rates against the strictest objective on failed requests; nan for none."""
    rates = np.full(len(total), np.nan)
    definitions = [target.spec for target in targets] or [default]
    objectives = [d.objective for d in definitions if d.threshold_seconds is None]
    if objectives:
        served = total > 0
        rates[served] = burn_rates(bad[served], total[served], max(objectives))
    return rates


def _raise_to(
    rates: Rates, ends: Seconds, rows: Sequence[tuple[int, int, int]], objective: Decimal
) -> None:
    columns = {end: column for column, end in enumerate(ends.tolist())}
    for end, total, bad in rows:
        column = columns.get(end)
        if column is not None and total > 0:
            rates[column] = np.fmax(rates[column], burn_rate(bad, total, objective))
