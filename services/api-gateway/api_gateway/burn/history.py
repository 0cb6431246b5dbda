"""Burn rates of the past, computed from stored counts. Pure; times are whole seconds since 1970.

The windows of a point are those that a live figure of that instant has: `common.slo.windows`. The
buckets form one timeline of hours, minutes and ten seconds, each event in one of them.

An hour's burn rate is (bad / total) / (1 - objective) over that hour alone; of several objectives
the greatest counts, as it does for the service's present level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api_gateway.burn.steps import Steps, end_of_bucket
from api_gateway.catalog.domain import Target
from common.arrays import Flags
from common.counts.layout import MINUTES_READ_SECONDS, SUM_LIMIT
from common.events import TargetSpec
from common.slo.arithmetic import (
    burn_rate,
    burn_rates,
    composite_burn_rates,
    error_budget_remaining,
    figures_if_good,
)
from common.slo.freshness import (
    MIN_STALE_SECONDS,
    REPORTS_SECONDS,
    STALE_REPORTS,
    USUAL_REPORTS,
    resolution_of,
)
from common.slo.risk import cap_risk_level, level_at, settled_composite
from common.slo.streams import service_of, stream_of
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import (
    BUCKETS,
    BURN_WINDOWS,
    DAY,
    HOUR,
    MINUTE,
    SHORTEST_REPORTS,
    window_spans,
)

HOURS_SHOWN = 24

Seconds = NDArray[np.int64]
Rates = NDArray[np.float64]
_USUAL_REPORT = BUCKETS[0]
_ALWAYS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Reports:
    """When a service reported: bucket ends, rising, and the shortest report in each (seconds)."""

    ends: Seconds
    window_seconds: Seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and bad requests by bucket end (rising).

    `uncertain` of the bad ones may be good; None where all are certain.
    """

    ends: Seconds
    total: Seconds
    bad: Seconds
    uncertain: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """What the counts are held against; `objective` is an exact ratio."""

    objective: Decimal
    window_days: int
    min_bad_events: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept at `now`: minutes from `minutes_from` on, hours alone before it."""

    minutes_from: int
    now: int


@dataclass(frozen=True, slots=True)
class Point:
    """A service's burn at one instant; the names are those of the snapshot.

    `total`, `bad` and `uncertain` are those of the SLO window. `coarse_windows` are those that
    begin at a full hour, or are an hour long, because only hours are kept where they begin.
    """

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
    total: int
    bad: int
    coarse_windows: tuple[str, ...]
    uncertain: int = 0
    composite_burn_rate_least: float | None = None
    error_budget_remaining_most: float | None = None


def burn_history(
    times: Seconds, reports: Reports, counts: Counts, objective: Objective, kept: Kept
) -> list[Point]:
    """Return a point for each time (rising), `kept.now` or the end of a bucket that is kept there.

    `reports` and `counts` hold all buckets from the longest window before the first time on.
    A point before the first report has zero rates and the status no_data.
    """
    present = times == kept.now
    newest, resolution = _resolution(reports, np.where(present, _ALWAYS, times), times)
    short, lengthened = _at_least_two_reports(resolution, times, kept)
    stale, _ = _at_least(
        np.maximum(MIN_STALE_SECONDS, STALE_REPORTS * resolution), times, kept.minutes_from
    )
    lengths = np.stack(
        [short, *(np.maximum(n, short) for n in (HOUR, DAY, objective.window_days * DAY))]
    )
    begins, ends, coarse = _spans(times, lengths, kept)
    coarse[0] |= lengthened
    sums = _sums(counts, begins, np.where(present, ends, times))
    total, bad, uncertain = sums
    rates = burn_rates(bad[:3], total[:3], objective.objective)
    composite = composite_burn_rates(*rates)
    return [
        _point(
            at,
            (*rates[:, i].tolist(), float(composite[i])),
            list(zip(bad[:, i].tolist(), total[:, i].tolist(), strict=True)),
            uncertain[:, i].tolist(),
            objective,
            _status(int(newest[i]), at, int(stale[i]), total[:, i].tolist()),
            int(short[i]),
            tuple(name for name, own in zip(BURN_WINDOWS, coarse[:3, i], strict=True) if own),
        )
        for i, at in enumerate(times.tolist())
    ]


def step_counts(steps: Steps, counts: Counts, now: int) -> list[tuple[int, int, int]]:
    """Return requests, bad and uncertain ones of each step; all steps count what the span does."""
    ends = np.where(steps.ends == now, end_of_bucket(now), steps.ends)
    sums = _sums(counts, steps.edges[None, :-1], ends[None])[:, 0]
    return [(total, bad, uncertain) for total, bad, uncertain in sums.T.tolist()]


def present_counts(
    counts: Counts, window_seconds: Sequence[int], now: int
) -> list[tuple[int, int]]:
    """Return (bad, total) of windows that end now."""
    lengths = np.array(window_seconds, np.int64)
    begins, ends = window_spans(np.full_like(lengths, now), lengths)
    total, bad, _ = _sums(counts, begins, ends)
    return list(zip(bad.tolist(), total.tolist(), strict=True))


def reported_steps(steps: Steps, reports: Reports, now: int) -> Flags:
    """Return [n] in which of the steps something was reported."""
    edges = np.where(steps.edges == now, end_of_bucket(now), steps.edges)
    found: Flags = np.diff(np.searchsorted(reports.ends, edges, side="right")) > 0
    return found


def _at_least_two_reports(resolution: Seconds, times: Seconds, kept: Kept) -> tuple[Seconds, Flags]:
    """Return the length of the shortest window, and where it is longer for want of minutes."""
    shortest = np.maximum(BURN_WINDOWS["5m"], SHORTEST_REPORTS * resolution)
    return _at_least(shortest, times, kept.minutes_from)


def _at_least(length: Seconds, times: Seconds, minutes_from: int) -> tuple[Seconds, Flags]:
    """Return how far to look back, an hour at least where only hours are kept; and where it is."""
    longer = (times - length < minutes_from) & (length < HOUR)
    return np.where(longer, HOUR, length), longer


def _spans(times: Seconds, lengths: Seconds, kept: Kept) -> tuple[Seconds, Seconds, Flags]:
    """Return where windows [window, time] begin and end, and which begin at an hour for want."""
    begins, ends = window_spans(times, lengths)
    coarse = (begins < kept.minutes_from) & (begins % HOUR != 0)
    return np.where(coarse, window_spans(times, lengths, HOUR)[0], begins), ends, coarse


def _point(  # noqa: PLR0913, PLR0917 - the parts of a point
    at: int,
    figures: tuple[float, float, float, float],
    counts: Sequence[tuple[int, int]],
    uncertain: Sequence[int],
    objective: Objective,
    status: DataStatus,
    short_window_seconds: int,
    coarse_windows: tuple[str, ...],
) -> Point:
    """Return a point; `counts` are (bad, total) of 5 m, 1 h, 24 h and the SLO window.

    `uncertain` are the bad ones of each that may be good.
    """
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
        total=slo[1],
        bad=slo[0],
        coarse_windows=coarse_windows,
        uncertain=uncertain[-1],
        **figures_if_good(counts, uncertain, objective.objective),
    )


def _sums(counts: Counts, begins: Seconds, ends: Seconds) -> Seconds:
    """Return [total, bad or uncertain; window, time] sums over (begin, end], up to SUM_LIMIT."""
    low = np.searchsorted(counts.ends, begins, side="right")
    high = np.searchsorted(counts.ends, ends, side="right")
    # Python's integers, since a thousand huge counts would wrap 64 bits
    uncertain = np.zeros_like(counts.bad) if counts.uncertain is None else counts.uncertain
    columns = (counts.total, counts.bad, uncertain)
    running = [np.cumsum([0, *c.tolist()], dtype=object) for c in columns]
    sums = np.array([r[high] - r[low] for r in running], dtype=object)
    stopped: Seconds = np.minimum(sums, SUM_LIMIT).astype(np.int64)
    return stopped


def _resolution(reports: Reports, until: Seconds, times: Seconds) -> tuple[Seconds, Seconds]:
    """Return for each time the newest bucket's end, 0 before the first, and how long reports are.

    The end is of those who report as usual, as `common.slo.freshness` has it. Who has not reported
    for as long as minutes are kept is taken to report as most do.
    """
    newest, resolution = np.zeros_like(times), np.full_like(times, _USUAL_REPORT)
    minutes, begins = np.unique(-(-reports.ends // MINUTE), return_index=True)
    if not len(minutes):
        return newest, resolution
    shortest = np.minimum.reduceat(reports.window_seconds, begins)
    last = np.searchsorted(minutes * MINUTE, until, side="right") - 1
    seen = last >= 0
    newest[seen] = reports.ends[np.searchsorted(reports.ends, until[seen], side="right") - 1]
    first = np.searchsorted(minutes, minutes[last] - REPORTS_SECONDS // MINUTE, side="right")
    kept = minutes[last] > -(-times // MINUTE) - MINUTES_READ_SECONDS // MINUTE
    for i in np.flatnonzero(seen & kept):
        own = shortest[first[i] : last[i] + 1]
        resolution[i] = resolution_of(own.tolist())
        as_usual = int(first[i] + np.flatnonzero(own <= USUAL_REPORTS * resolution[i])[-1])
        if as_usual < last[i]:
            newest[i] = minutes[as_usual] * MINUTE
    return newest, resolution


def _status(newest: int, at: int, stale: int, totals: Sequence[int]) -> DataStatus:
    if not newest:
        return DataStatus.NO_DATA
    if max(totals) >= SUM_LIMIT:
        return DataStatus.SATURATED
    if at - newest > stale:
        return DataStatus.STALE
    return DataStatus.OK if totals[0] else DataStatus.NO_TRAFFIC


@dataclass(frozen=True, slots=True)
class HourlyCounts:
    """Requests of streams (rows) by hour (columns); `ends` are the hours' ends, rising."""

    names: tuple[str, ...]
    ends: Seconds
    total: Seconds
    bad: Seconds


class SlowHour(NamedTuple):
    """An hour's requests, those slower than a threshold, and which of these may be faster."""

    ended: int
    total: int
    bad: int
    uncertain: int


SlowCounts = Mapping[int, Sequence[SlowHour]]
"""By latency target."""


class HourlyRates(NamedTuple):
    """By service: a burn rate for each hour, None where nothing was requested or reported.

    `least` are the rates if nothing uncertain was bad, of services for which that is a difference.
    """

    rates: dict[str, list[float | None]]
    least: dict[str, list[float | None]]


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
    """Return burn rates by service and hour."""
    rows = {name: row for row, name in enumerate(counts.names)}
    shown = HourlyRates({}, {})
    for name in dict.fromkeys(map(service_of, counts.names)):
        own = targets.get(name, ())
        rates = np.full(len(counts.ends), np.nan)
        for indicator in {target.spec.indicator for target in own} or {default.indicator}:
            row = rows.get(stream_of(name, indicator))
            if row is not None:
                of = [target.spec for target in own if target.spec.indicator == indicator]
                found = _count_rates(counts.total[row], counts.bad[row], of or [default])
                rates = np.fmax(rates, found)
        least = rates.copy()
        for target in own:
            if target.spec.threshold_seconds is not None:
                hours, objective = slow.get(target.id, ()), target.spec.objective
                _raise_to(rates, counts.ends, hours, objective)
                certain = [hour._replace(bad=hour.bad - hour.uncertain) for hour in hours]
                _raise_to(least, counts.ends, certain, objective)
        shown.rates[name] = _listed(rates)
        if not np.array_equal(rates, least, equal_nan=True):
            shown.least[name] = _listed(least)
    return shown


def _listed(rates: Rates) -> list[float | None]:
    return [None if np.isnan(rate) else float(rate) for rate in rates]


def _count_rates(total: Seconds, bad: Seconds, specs: Sequence[TargetSpec]) -> Rates:
    """Return the burn rates against the strictest objective on failed requests; nan for none."""
    rates = np.full(len(total), np.nan)
    objectives = [spec.objective for spec in specs if spec.threshold_seconds is None]
    if objectives:
        served = total > 0
        rates[served] = burn_rates(bad[served], total[served], max(objectives))
    return rates


def _raise_to(rates: Rates, ends: Seconds, hours: Sequence[SlowHour], objective: Decimal) -> None:
    columns = {end: column for column, end in enumerate(ends.tolist())}
    for end, total, bad, _ in hours:
        column = columns.get(end)
        if column is not None and total > 0:
            rates[column] = np.fmax(rates[column], burn_rate(bad, total, objective))
