"""A shard in memory: its services, the series that its targets need, and their evaluation. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from burnrate.batch_sums import BatchSums
from burnrate.domain import (
    BURN_WINDOWS,
    PAIR_WINDOWS,
    SLO_WINDOW,
    Target,
    evaluate_slo,
    stale_after_seconds,
    window_seconds,
    worst,
)
from burnrate.rings import MINUTE, SUM_LIMIT, Ints, Rings
from burnrate.service_state import Moment, ServiceState
from burnrate.tally import Count, coarsen, within_threshold
from common.clock import from_micros, to_micros
from common.events import BurnRateSnapshot, IngestCounters, SloStatus
from common.slo import DataStatus

REQUESTS: float | None = None  # the series of a service's requests; a latency one has a threshold
_WINDOWS = (*BURN_WINDOWS, *PAIR_WINDOWS, SLO_WINDOW)
SeriesKey = tuple[str, float | None]


@dataclass(frozen=True, slots=True)
class Slot:
    """One objective of one service, and the series it reads."""

    service: str
    target: Target
    series: int
    requests: int


class ShardState:
    """Counts and services of one shard. Not thread-safe; nothing here waits."""

    def __init__(self, now: datetime) -> None:
        self.services: dict[str, ServiceState] = {}
        self.rings = Rings(to_micros(now))
        self._series: dict[SeriesKey, int] = {}
        self._thresholds: dict[str, list[float]] = {}

    def service(self, name: str) -> ServiceState:
        """Return a service's state, new where it was not known."""
        return self.services.setdefault(name, ServiceState())

    def series(self, service: str, threshold: float | None = REQUESTS) -> int:
        """Return the index of a series, new and empty where it was not known."""
        key = (service, threshold)
        if key not in self._series:
            self._series[key] = self.rings.new_series()
            if threshold is not None:
                self._thresholds.setdefault(service, []).append(threshold)
        return self._series[key]

    def has_series(self, service: str, threshold: float | None) -> bool:
        """Tell whether a series is there, which for a threshold means that it was loaded."""
        return (service, threshold) in self._series

    def fold(self, sums: BatchSums, now: datetime) -> None:
        """Add a committed batch."""
        self.rings.advance(to_micros(now))
        series = np.array([self.series(name) for name in sums.names], np.int64)
        self.rings.add_all(series[sums.service], sums.bucket, sums.counts)
        for index, bucket, seconds in zip(
            sums.service.tolist(), sums.bucket.tolist(), sums.window_seconds.tolist(), strict=True
        ):
            self.service(sums.names[index]).report(coarsen(bucket, MINUTE), seconds)
        cells: dict[tuple[int, int], Count] = {}
        for (name, bucket, bounds), counts in sums.latency.items():
            for threshold in self._thresholds.get(name, ()):
                found = within_threshold(bounds, counts, threshold)
                if found is not None:
                    _add(cells, (self.series(name, threshold), bucket), found)
        self.rings.add_all(*_columns(cells))
        self._fold_services(sums)

    def _fold_services(self, sums: BatchSums) -> None:
        for name, newest in zip(sums.names, sums.newest_micros.tolist(), strict=True):
            state = self.service(name)
            if newest >= 0:
                at = from_micros(newest)
                state.newest_at = max(at, state.newest_at or at)
        for name, grown in sums.oddities.items():
            old = self.service(name).counters
            self.service(name).counters = IngestCounters(
                old.duplicates + grown.duplicates,
                old.event_id_conflicts + grown.event_id_conflicts,
                old.unidentified + grown.unidentified,
                old.misrouted + grown.misrouted,
            )

    def load_services(
        self, names: Sequence[str], newest_micros: Sequence[int], counters: Sequence[IngestCounters]
    ) -> None:
        """Take over what is stored of each service."""
        for name, newest, own in zip(names, newest_micros, counters, strict=True):
            state = self.service(name)
            state.newest_at, state.counters = from_micros(newest), own

    def slots(self, names: Iterable[str], targets_of: Callable[[str], list[Target]]) -> list[Slot]:
        """Return the objectives whose series are there; a latency one appears once loaded."""
        return [
            Slot(name, target, self.series(name, target.threshold_seconds), self.series(name))
            for name in names
            for target in targets_of(name)
            if target.threshold_seconds is None or self.has_series(name, target.threshold_seconds)
        ]

    def sums(self, slots: list[Slot], now: datetime) -> Ints:
        """Return [slot, window, total or bad] for every window, and last the service's requests."""
        self.rings.advance(to_micros(now))
        result = np.zeros((len(slots), len(_WINDOWS) + 2, 2), np.int64)
        if not slots:
            return result
        series = np.array([slot.series for slot in slots], np.int64)
        requests = np.array([slot.requests for slot in slots], np.int64)
        lengths = [self._lengths(slot, now) for slot in slots]
        for column, name in enumerate(_WINDOWS):
            seconds = np.array([own[name] for own in lengths], np.int64)
            result[:, column] = self.rings.sums(series, seconds)
        for column, name in ((-2, "5m"), (-1, SLO_WINDOW)):
            seconds = np.array([own[name] for own in lengths], np.int64)
            result[:, column] = self.rings.sums(requests, seconds)
        return result

    def _lengths(self, slot: Slot, now: datetime) -> Mapping[str, int]:
        resolution = self.service(slot.service).resolution_seconds(now)
        return window_seconds(slot.target, resolution)

    def snapshot(
        self, name: str, slots: list[Slot], sums: Ints, moment: Moment
    ) -> BurnRateSnapshot:
        """Return a service's snapshot from its slots and their rows of `sums`."""
        state = self.service(name)
        resolution = state.resolution_seconds(moment.now)
        status = state.status(moment, recent_total=int(sums[0, -2, 0]))
        statuses = [
            self._evaluate(slot, row, status, moment.now)
            for slot, row in zip(slots, sums, strict=True)
        ]
        first = worst(statuses)
        return BurnRateSnapshot(
            service_name=name,
            shard=moment.shard,
            epoch=moment.epoch,
            evaluated_at=moment.now,
            applied_through=moment.applied_through,
            data_status=status,
            risk_level=first.risk_level,
            burn_rate_5m=first.burn_rate_5m,
            burn_rate_1h=first.burn_rate_1h,
            burn_rate_24h=first.burn_rate_24h,
            composite_burn_rate=first.composite_burn_rate,
            error_budget_consumed=first.error_budget_consumed,
            error_budget_remaining=first.error_budget_remaining,
            resolution_seconds=resolution,
            short_window_seconds=max(BURN_WINDOWS["5m"], 2 * resolution),
            stale_after_seconds=stale_after_seconds(resolution),
            newest_at=state.newest_at,
            counters=state.counters,
            slos=tuple(statuses),
            command_id=moment.command_id,
        )

    def _evaluate(self, slot: Slot, row: Ints, status: DataStatus, now: datetime) -> SloStatus:
        sums = {name: (int(row[i, 0]), int(row[i, 1])) for i, name in enumerate(_WINDOWS)}
        requests = int(row[-1, 0])
        return evaluate_slo(slot.target, self._lengths(slot, now), sums, status, requests)

    def load_blocks(
        self, resolution: int, names: Sequence[str], buckets: Ints, blocks: Ints
    ) -> None:
        """Add stored counts [len(buckets), len(names), 3] of one resolution."""
        series = np.array([self.series(name) for name in names], np.int64)
        at, slot = np.nonzero(blocks[:, :, 2])
        self.rings.add_at(resolution, series[slot], buckets[at], blocks[at, slot, :2])
        if resolution == MINUTE:
            for place, column in zip(at.tolist(), slot.tolist(), strict=True):
                seconds = int(blocks[place, column, 2])
                self.service(names[column]).report(int(buckets[place]), seconds)

    def load_latency(
        self,
        service: str,
        threshold: float,
        rows: Iterable[tuple[int, int, tuple[float, ...], list[int]]],
    ) -> None:
        """Make a latency series from stored (resolution, bucket, bounds, counts)."""
        series = self.series(service, threshold)
        by_resolution: dict[int, dict[tuple[int, int], Count]] = {}
        for resolution, bucket, bounds, counts in rows:
            found = within_threshold(bounds, counts, threshold)
            if found is not None:
                cells = by_resolution.setdefault(resolution, {})
                _add(cells, (series, bucket), found)
        for resolution, cells in by_resolution.items():
            self.rings.add_at(resolution, *_columns(cells))


def _columns(cells: Mapping[tuple[int, int], Count]) -> tuple[Ints, Ints, Ints]:
    """Return series, buckets and [n, 2] counts. A cell stands once, so that no sum wraps."""
    rows = [(*cell, count.total, count.bad) for cell, count in cells.items()]
    table = np.array(rows, np.int64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2:]


def _add(cells: dict[tuple[int, int], Count], cell: tuple[int, int], count: Count) -> None:
    old = cells.get(cell, Count())
    cells[cell] = Count(
        min(old.total + count.total, SUM_LIMIT), min(old.bad + count.bad, SUM_LIMIT)
    )
