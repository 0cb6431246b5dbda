"""A shard in memory: its services, the series that its targets need, what is evaluated. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from burnrate.domain.objectives import Target
from burnrate.domain.service_state import Moment, ServiceQuota, ServiceTable
from burnrate.evaluation.measuring import Measured, Published, Sources, look_again, measure
from burnrate.evaluation.slots import Objective, Slots
from burnrate.evaluation.snapshots import snapshots
from burnrate.ingest.aggregation import Bounds, within_threshold
from burnrate.ingest.batch_delta import BatchDelta
from burnrate.windows.engine import Engine
from burnrate.windows.pages import SHALLOW_DAYS
from burnrate.windows.rings import SUM_LIMIT, TEN_SECONDS, Ints, bucket_of
from common.config.clock import to_micros
from common.events import BurnRateSnapshot
from common.slo.windows import HOUR, MINUTE

_HOUR_MINUTES = HOUR // MINUTE
_MINUTE_CELLS = MINUTE // TEN_SECONDS
_DEFAULT_MAX_SERVICES = 10_000


@dataclass(frozen=True, slots=True)
class Missing:
    """History that a service's targets need: of these thresholds, or, if deep, all of 90 days."""

    thresholds: tuple[float, ...]
    deep: bool


class ShardState:
    """Counts and services of one shard. Not thread-safe; nothing here waits.

    `is_deep` tells of a new service whether its series are to reach back 90 days at once.
    """

    def __init__(
        self,
        now: datetime,
        room: ServiceQuota | None = None,
        is_deep: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.table = ServiceTable(room or ServiceQuota(_DEFAULT_MAX_SERVICES))
        self.engine, self.slots = Engine(to_micros(now)), Slots()
        self.missing: dict[str, Missing] = {}
        self.catalog_revision = 0
        self._sources = Sources(self.engine, self.table, self.slots)
        self._is_deep = is_deep
        self._requests: Ints = np.zeros(0, np.int64)
        self._latency: dict[int, dict[float, int]] = {}
        self._unassigned: set[str] = set()
        self._moved = False

    def fold(self, sums: BatchDelta, now: datetime) -> None:
        """Add a committed batch."""
        self._advance(now)
        numbers = self._numbers(sums.names)
        own = numbers[sums.service]
        self.engine.add(self._requests[own], sums.bucket, sums.counts)
        self.engine.add(*self._latency_cells(sums))
        self.table.report(own, -(-sums.bucket // _MINUTE_CELLS), sums.window_seconds)
        self.table.seen(numbers, sums.newest_micros)
        self.table.grow(sums.oddities)

    def load_services(self, names: Sequence[str], newest_micros: Ints, counters: Ints) -> None:
        """Set the stored newest timestamps and counters [n, 4], as IngestCounters has them."""
        numbers = self._numbers(names)
        self.table.seen(numbers, newest_micros)
        self.table.counters[numbers] = counters

    def load_blocks(
        self, resolution: int, names: Sequence[str], buckets: Ints, blocks: Ints
    ) -> None:
        """Set stored counts [bucket, name, (total, bad, window_seconds)] of one resolution.

        `buckets` are numbers at that resolution, each once; the longest report is 0 where there
        was none.
        """
        numbers = self._numbers(names)
        self.engine.put(resolution, self._requests[numbers], buckets, _counts_first(blocks))
        if resolution == MINUTE and len(buckets):
            self._load_reports(numbers, buckets, blocks[:, :, 2])

    def _load_reports(self, numbers: Ints, minutes: Ints, seconds: Ints) -> None:
        """Note the longest reports [minute, service], of which only the last hour's can tell."""
        known = self.table.newest_minute(numbers)
        if minutes.max() <= known.min() - _HOUR_MINUTES:
            return
        newest = np.where(seconds > 0, minutes[:, None], 0).max(axis=0)
        since = np.maximum(newest, known) - _HOUR_MINUTES
        rows, columns = np.nonzero((seconds > 0) & (minutes[:, None] > since))
        self.table.report(numbers[columns], minutes[rows], seconds[rows, columns])

    def load_latency(
        self, service: str, threshold: float, rows: Iterable[tuple[int, int, Bounds, Sequence[int]]]
    ) -> None:
        """Make a latency series from stored (resolution, bucket, bounds, counts)."""
        number = self._number(service)
        own = self._latency.setdefault(number, {})
        if threshold not in own:
            deep = self.engine.is_deep(int(self._requests[number]))
            own[threshold] = self.engine.new_series(number, deep=deep)
        kept: dict[int, dict[int, tuple[int, int]]] = {}
        for resolution, bucket, bounds, counts in rows:
            _add_timed(kept.setdefault(resolution, {}), bucket, bounds, counts, threshold)
        for resolution, cells in kept.items():
            buckets = np.array(list(cells), np.int64)
            table = np.array(list(cells.values()), np.int64).reshape(-1, 2, 1)
            self.engine.put(resolution, np.array([own[threshold]]), buckets, table)
        self._unassigned.add(service)

    def deepen(self, name: str) -> None:
        """Give a service empty series of 90 days for its requests; its latency ones are dropped.

        What is stored of it is to be loaded again, in the same breath.
        """
        number = self._number(name)
        self.engine.free_series(int(self._requests[number]))
        self._requests[number] = self.engine.new_series(number, deep=True)
        for series in self._latency.pop(number, {}).values():
            self.engine.free_series(series)
        self._unassigned.add(name)

    def without_room(self, names: Iterable[str]) -> list[str]:
        """Return those names, in their order, that would be services beyond the limit."""
        return self.table.without_room(names)

    def close(self) -> None:
        """Leave the room for services to other shards."""
        self.table.give_back()

    def knows(self, name: str) -> bool:
        """Tell whether a service has a place here."""
        return name in self.table.numbers

    def take_unassigned(self) -> set[str]:
        """Return services whose objectives are to be assigned: what they read is new."""
        found, self._unassigned = self._unassigned, set()
        return found

    def assign(self, name: str, targets: Sequence[Target]) -> None:
        """Let these be a service's objectives. One whose history is missing appears once loaded."""
        number = self._number(name)
        requests = int(self._requests[number])
        deep, series = self.engine.is_deep(requests), self._latency.get(number, {})
        too_long = [t for t in targets if t.window_days > SHALLOW_DAYS and not deep]
        thresholds = {t.threshold_seconds for t in targets if t.threshold_seconds is not None}
        lacking = tuple(sorted(thresholds if too_long else thresholds - series.keys()))
        self.missing.pop(name, None)
        if too_long or lacking:
            self.missing[name] = Missing(lacking, bool(too_long))
        objectives = []
        for target in targets:
            threshold = target.threshold_seconds
            read = requests if threshold is None else series.get(threshold)
            if read is not None and target not in too_long:
                objectives.append(Objective(target, read, requests))
        self.slots.assign(number, objectives)
        self._unassigned.discard(name)

    def measure(
        self, published: Published, moment: Moment, asked: Collection[str] = ()
    ) -> Measured:
        """Return the figures that differ from what is published, and those asked for."""
        self._advance(moment.now)
        look_again(self._sources, published, moved=self._moved, lagging=moment.lagging)
        self._moved = False
        numbers = [self.table.numbers[name] for name in asked if self.knows(name)]
        return measure(
            self._sources,
            published,
            to_micros(moment.now),
            np.array(numbers, np.int64),
            lagging=moment.lagging,
        )

    def snapshots(
        self, measured: Measured, moment: Moment, asked: Collection[str] = ()
    ) -> list[BurnRateSnapshot]:
        """Return the snapshots of what was measured."""
        return snapshots(self._sources, measured, moment, asked)

    def _advance(self, now: datetime) -> None:
        micros = to_micros(now)
        self._moved |= self.engine.advance(micros)
        self.table.advance(bucket_of(micros, MINUTE))

    def _numbers(self, names: Iterable[str]) -> Ints:
        known = self.table.numbers
        found = [known[name] if name in known else self._number(name) for name in names]
        return np.array(found, np.int64)

    def _number(self, name: str) -> int:
        known = self.table.numbers.get(name)
        if known is not None:
            return known
        number = self.table.number(name)
        if number == len(self._requests):
            self._requests = np.pad(self._requests, (0, max(64, number)))
        self._requests[number] = self.engine.new_series(number, deep=self._is_deep(name))
        self._unassigned.add(name)
        return number

    def _latency_cells(self, sums: BatchDelta) -> tuple[Ints, Ints, Ints]:
        cells: dict[int, dict[int, tuple[int, int]]] = {}
        for (name, bucket, bounds), counts in sums.latency.items():
            for threshold, series in self._latency.get(self.table.numbers[name], {}).items():
                _add_timed(cells.setdefault(series, {}), bucket, bounds, counts, threshold)
        return _columns(cells)


def _add_timed(
    cells: dict[int, tuple[int, int]],
    bucket: int,
    bounds: Bounds,
    counts: Sequence[int],
    threshold: float,
) -> None:
    """Add a histogram to the (total, bad) of its bucket, if the threshold is one of its bounds."""
    found = within_threshold(bounds, counts, threshold)
    if found is not None:
        total, bad = cells.get(bucket, (0, 0))
        cells[bucket] = min(total + found.total, SUM_LIMIT), min(bad + found.bad, SUM_LIMIT)


def _columns(cells: Mapping[int, Mapping[int, tuple[int, int]]]) -> tuple[Ints, Ints, Ints]:
    """Return series, buckets and [n, 2] counts. A cell stands once, so that no sum wraps."""
    rows = [(s, b, *counts) for s, own in cells.items() for b, counts in own.items()]
    table = np.array(rows, np.int64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2:]


def _counts_first(blocks: Ints) -> Ints:
    counts: Ints = blocks[:, :, :2].transpose(0, 2, 1)
    return counts
