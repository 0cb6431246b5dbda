"""Snapshots of the past, computed from stored counts, for a backtest of rules. Pure.

A window of W seconds at t sums the buckets that ended in (t - W, t].
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from common.arrays import Ints
from common.events import (
    BurnPair,
    BurnRateSnapshot,
    IngestCounters,
    SloStatus,
    TargetSpec,
    WindowRate,
    headline,
)
from common.slo.arithmetic import burn_rate, composite_burn_rate, error_budget_remaining
from common.slo.freshness import MIN_STALE_SECONDS
from common.slo.risk import cap_risk_level, risk_level
from common.slo.vocabulary import DataStatus
from common.slo.windows import BURN_WINDOWS, DAY, SHORT_WINDOW_SECONDS, PairRule, pair_rules

Counts = tuple[int, int]
"""Total and bad."""


@dataclass(frozen=True, slots=True)
class Series:
    """A target and its counts by bucket end: seconds since 1970, rising; the default has no id."""

    target_id: int | None
    spec: TargetSpec
    ends: Ints
    total: Ints
    bad: Ints


def snapshots(
    service_name: str, reported_at: Ints, series: Sequence[Series], times: Sequence[int]
) -> Iterator[BurnRateSnapshot]:
    """Yield the snapshot of a service at each time (rising); `reported_at` are its bucket ends."""
    readers = [_Reader(one) for one in series]
    for at in times:
        status, now = _status(reported_at, at), datetime.fromtimestamp(at, UTC)
        slos = tuple(reader.slo(at, status) for reader in readers)
        yield BurnRateSnapshot(
            service_name=service_name,
            shard=0,
            epoch=1,
            evaluated_at=now,
            applied_through=now,
            data_status=status,
            **headline(slos),
            resolution_seconds=10,
            short_window_seconds=SHORT_WINDOW_SECONDS,
            stale_after_seconds=MIN_STALE_SECONDS,
            newest_at=now,
            counters=IngestCounters(),
            slos=slos,
        )


def _status(reported_at: Ints, at: int) -> DataStatus:
    newest = int(np.searchsorted(reported_at, at, side="right")) - 1
    if newest < 0:
        return DataStatus.NO_DATA
    stale = at - int(reported_at[newest]) > MIN_STALE_SECONDS
    return DataStatus.STALE if stale else DataStatus.OK


class _Reader:
    """Sums over any window of one objective, by running sums."""

    def __init__(self, series: Series) -> None:
        self._series, self._ends = series, series.ends
        self._running = [np.concatenate([[0], np.cumsum(c)]) for c in (series.total, series.bad)]
        self._pairs = pair_rules(series.spec.objective, series.spec.window_days)

    def slo(self, at: int, status: DataStatus) -> SloStatus:
        """Return the objective as it was then; it has no traffic where 5 minutes were without."""
        spec, objective = self._series.spec, self._series.spec.objective
        counts = {name: self._sum(at, seconds) for name, seconds in BURN_WINDOWS.items()}
        rates = [burn_rate(bad, total, objective) for total, bad in counts.values()]
        composite = composite_burn_rate(rates)
        level = risk_level(composite, [(bad, total) for total, bad in counts.values()], objective)
        shown = cap_risk_level(level, counts["24h"][1], spec.min_bad_events)
        total, bad = self._sum(at, spec.window_days * DAY)
        consumed = burn_rate(bad, total, objective)
        quiet = status is DataStatus.OK and not counts["5m"][0]
        return SloStatus(
            id=self._series.target_id,
            **spec.with_floats(),
            default=self._series.target_id is None,
            revision=0,
            total=total,
            bad=bad,
            burn_rate_5m=rates[0],
            burn_rate_1h=rates[1],
            burn_rate_24h=rates[2],
            composite_burn_rate=composite,
            error_budget_consumed=consumed,
            error_budget_remaining=error_budget_remaining(bad, total, objective),
            risk_level=shown,
            risk_capped=shown is not level,
            data_status=DataStatus.NO_TRAFFIC if quiet else status,
            coverage_ratio=1.0,
            windows={
                name: WindowRate(BURN_WINDOWS[name], *counts[name], rate)
                for name, rate in zip(counts, rates, strict=True)
            },
            burn_pairs=tuple(self._burn_pair(rule, at) for rule in self._pairs),
        )

    def _burn_pair(self, rule: PairRule, at: int) -> BurnPair:
        long, short = rule.long_seconds, rule.short_seconds
        counts = [self._sum(at, seconds) for seconds in (long, short)]
        rate = min(burn_rate(bad, total, self._series.spec.objective) for total, bad in counts)
        return BurnPair(long, short, rule.threshold, rate)

    def _sum(self, at: int, seconds: int) -> Counts:
        low, high = np.searchsorted(self._ends, [at - seconds, at], side="right")
        total, bad = (int(running[high] - running[low]) for running in self._running)
        return total, bad
