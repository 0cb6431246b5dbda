"""A shard in memory: its services, the series that its targets need, what is evaluated. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from burnrate.domain.batch import BatchDelta
from burnrate.domain.objectives import Target
from burnrate.domain.service_state import Moment, ServiceQuota, StreamTable
from burnrate.evaluation.measuring import Measured, Published, Sources, look_again, measure
from burnrate.evaluation.slots import Objective, Slots
from burnrate.windows.engine import SHALLOW_DAYS, Engine
from common.arrays import Ints
from common.config.clock import to_micros
from common.counts.layout import (
    RESOLUTIONS,
    SUM_LIMIT,
    TEN_SECONDS,
    SlowCount,
    bucket_of,
    slower_than,
)
from common.slo.freshness import REPORTS_SECONDS
from common.slo.streams import service_of, stream_of
from common.slo.windows import HOUR, MINUTE

_REPORTS_MINUTES = REPORTS_SECONDS // MINUTE
_MINUTE_CELLS = MINUTE // TEN_SECONDS
_DEFAULT_MAX_SERVICES = 10_000


@dataclass(slots=True)
class LatencySeries:
    """The series of a latency threshold: its timed requests, and how many of them are uncertain.

    Few services have histograms whose bounds do not fit: the second series is made for these.
    """

    slow: int
    uncertain: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """History that a stream's targets need: of these thresholds; if deep, of all 90 days."""

    thresholds: tuple[float, ...]
    deep: bool


class ShardState:
    """Counts and services of one shard. Not thread-safe; nothing here waits.

    `is_deep` says of a new stream whether its series are to reach back 90 days at once.
    """

    def __init__(
        self,
        now: datetime,
        quota: ServiceQuota | None = None,
        is_deep: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.table = StreamTable(quota or ServiceQuota(_DEFAULT_MAX_SERVICES))
        self.engine, self.slots = Engine(to_micros(now)), Slots()
        self.missing: dict[str, Missing] = {}
        self.catalog_revision = 0
        self.sources = Sources(self.engine, self.table, self.slots)
        self._is_deep = is_deep
        self.table.advance(bucket_of(to_micros(now), MINUTE))
        self._requests: Ints = np.zeros(0, np.int64)
        self._latency: dict[int, dict[float, LatencySeries]] = {}
        self._unassigned: set[str] = set()
        self._returned: set[str] = set()  # services that were retired
        self._uncounted: set[str] = set()  # their streams: the counts are in the database alone
        self._moved = False
        self.released: set[str] = set()
        """Retired services: they are counted where counts are stored, and have no place here."""
        self.unstored: dict[str, bool] = {}
        """Services that were released (true) or brought back, which is not stored yet."""

    def apply(self, delta: BatchDelta, now: datetime) -> None:
        """Add a committed batch."""
        if self.released:
            delta = delta.without([n for n in delta.names if service_of(n) in self.released])
        self._advance(now)
        numbers = self._numbers(delta.names)
        own = numbers[delta.service]
        self.engine.add(self._requests[own], delta.bucket, delta.counts)
        self.engine.add(*self._latency_cells(delta))
        self.table.report(own, -(-delta.bucket // _MINUTE_CELLS), delta.window_seconds)
        self.table.seen(numbers, delta.newest_micros)
        self.table.count_up(delta.counters)

    def load_services(self, names: Sequence[str], newest_micros: Ints, counters: Ints) -> None:
        """Set the stored newest timestamps and counters [n, 4], as IngestCounters has them."""
        numbers = self._numbers(names)
        self.table.seen(numbers, newest_micros)
        self.table.counters[numbers] = counters

    def load_blocks(
        self, resolution: int, names: Sequence[str], buckets: Ints, blocks: Ints
    ) -> None:
        """Set stored counts [bucket, name, (total, bad, window_seconds)] of one resolution.

        `buckets` are numbers at that resolution, each once; the shortest report is 0 where there
        was none.
        """
        if not names:
            return
        numbers = self._numbers(names)
        self.engine.put(resolution, self._requests[numbers], buckets, _counts_first(blocks))
        if resolution == MINUTE and len(buckets):
            self._load_reports(numbers, buckets, blocks[:, :, 2])
        if resolution == HOUR:
            rows, columns = np.nonzero(blocks[:, :, 2])
            self.table.note_hours(numbers[columns], buckets[rows])

    def _load_reports(self, numbers: Ints, minutes: Ints, seconds: Ints) -> None:
        """Note the shortest reports [minute, service], of which only the newest hours' matter."""
        known = self.table.newest_minute[numbers]
        if minutes.max() <= known.min() - _REPORTS_MINUTES:
            return
        newest = np.where(seconds > 0, minutes[:, None], 0).max(axis=0)
        since = np.maximum(newest, known) - _REPORTS_MINUTES
        rows, columns = np.nonzero((seconds > 0) & (minutes[:, None] > since))
        self.table.report(numbers[columns], minutes[rows], seconds[rows, columns])

    def load_slow_counts(self, stream: str, threshold: float, found: Sequence[SlowCount]) -> None:
        """Make the series of a latency threshold from stored counts, which may be of others too."""
        number = self._number(stream)
        own = self._latency.setdefault(number, {})
        if threshold not in own:
            own[threshold] = LatencySeries(self._new_series_like_requests(number))
        mine = [count for count in found if count.threshold_seconds == threshold]
        for resolution in RESOLUTIONS:
            table = [
                (count.ended // resolution, count.total, count.bad, count.uncertain)
                for count in mine
                if count.resolution_seconds == resolution
            ]
            rows = np.array(table, np.int64).reshape(-1, 4, 1)
            self.engine.put(
                resolution, np.array([own[threshold].slow]), rows[:, 0, 0], rows[:, 1:3]
            )
            if rows[:, 3].any():
                uncertain = np.array([self._uncertain(number, own[threshold])])
                counts = np.stack((rows[:, 3], np.zeros_like(rows[:, 3])), axis=1)
                self.engine.put(resolution, uncertain, rows[:, 0, 0], counts)
        self._unassigned.add(service_of(stream))

    def deepen(self, name: str) -> None:
        """Give a stream empty series of 90 days for its requests; its latency ones are dropped.

        What is stored of it is to be loaded again, in the same breath.
        """
        number = self._number(name)
        self._free_series(number)
        self._requests[number] = self._new_series(number, deep=True)
        self._uncounted.discard(name)
        self._unassigned.add(service_of(name))

    def release(self, name: str) -> None:
        """Forget a retired service, so that its place is another's at once."""
        if name in self.released:
            return
        self.released.add(name)
        self.unstored[name] = True
        self._unassigned.discard(name)
        self._returned.discard(name)
        if name in self.table.numbers:
            self.slots.assign(self.table.numbers[name], [])
        for stream in reversed(self.table.streams(name)):
            self.missing.pop(stream, None)
            self._uncounted.discard(stream)
            self._free_series(self.table.remove(stream))

    def take_unassigned(self) -> set[str]:
        """Return services whose objectives are to be assigned, since what they read is new."""
        found, self._unassigned = self._unassigned, set()
        return found

    def assign(self, name: str, targets: Sequence[Target]) -> None:
        """Let these be a service's objectives. One whose history is missing appears once loaded."""
        if name in self.released:
            self.released.remove(name)
            self.unstored[name] = False
            self._returned.add(name)
        by_stream: dict[str, list[Target]] = {}
        for target in targets:
            by_stream.setdefault(stream_of(name, target.indicator), []).append(target)
        found = {}
        for stream, own in by_stream.items():
            found.update(self._objectives(stream, own))
        objectives = [found[target] for target in targets if target in found]
        self.slots.assign(self._number(name), objectives)
        self._unassigned.discard(name)

    def _objectives(self, stream: str, targets: Sequence[Target]) -> dict[Target, Objective]:
        """Return a stream's objectives as far as its history is here; what is not is missing."""
        number = self._number(stream)
        requests = int(self._requests[number])
        deep, series = self.engine.is_deep(requests), self._latency.get(number, {})
        too_long = [t for t in targets if t.window_days > SHALLOW_DAYS and not deep]
        if stream in self._uncounted:
            too_long = list(targets)
        thresholds = {t.threshold_seconds for t in targets if t.threshold_seconds is not None}
        lacking = tuple(sorted(thresholds if too_long else thresholds - series.keys()))
        self.missing.pop(stream, None)
        if too_long or lacking:
            self.missing[stream] = Missing(lacking, bool(too_long))
        found = {}
        for target in targets:
            threshold = target.threshold_seconds
            read = LatencySeries(requests) if threshold is None else series.get(threshold)
            if read is not None and target not in too_long:
                found[target] = Objective(target, read.slow, requests, number, read.uncertain)
        return found

    def measure(
        self, published: Published, moment: Moment, asked: Collection[str] = ()
    ) -> Measured:
        """Return the figures that differ from what is published, and those asked for."""
        self._advance(moment.now)
        look_again(self.sources, published, moved=self._moved, lagging=moment.lagging)
        self._moved = False
        numbers = [self.table.numbers[name] for name in asked if name in self.table.numbers]
        return measure(self.sources, published, moment, np.array(numbers, np.int64))

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
        service = service_of(name)
        if name != service:
            self._number(service)
        number = self.table.add(name)
        if number == len(self._requests):
            self._requests = np.pad(self._requests, (0, max(64, number)))
        self._requests[number] = self._new_series(number, deep=self._is_deep(name))
        if service in self._returned:
            self._uncounted.add(name)
        self._unassigned.add(service)
        return number

    def _new_series(self, number: int, *, deep: bool) -> int:
        return self.engine.new_series(int(self.table.service[number]), deep=deep)

    def _new_series_like_requests(self, number: int) -> int:
        return self._new_series(number, deep=self.engine.is_deep(int(self._requests[number])))

    def _uncertain(self, number: int, of: LatencySeries) -> int:
        """Return the series of a threshold's uncertain requests, made with the first of them."""
        if of.uncertain is None:
            of.uncertain = self._new_series_like_requests(number)
            self._unassigned.add(service_of(self.table.names[number]))
        return of.uncertain

    def _free_series(self, number: int) -> None:
        """Give back the series of a stream."""
        self.engine.free_series(int(self._requests[number]))
        for own in self._latency.pop(number, {}).values():
            self.engine.free_series(own.slow)
            if own.uncertain is not None:
                self.engine.free_series(own.uncertain)

    def _latency_cells(self, delta: BatchDelta) -> tuple[Ints, Ints, Ints]:
        """Return series, buckets and [n, 2] counts. A cell stands once, so that no sum wraps."""
        cells: dict[tuple[int, int], tuple[int, int]] = {}

        def add(series: int, bucket: int, total: int, bad: int) -> None:
            old = cells.get((series, bucket), (0, 0))
            cells[series, bucket] = min(old[0] + total, SUM_LIMIT), min(old[1] + bad, SUM_LIMIT)

        for (name, bucket, bounds), counts in delta.latency.items():
            number = self.table.numbers[name]
            for threshold, series in self._latency.get(number, {}).items():
                total, bad, uncertain = slower_than(bounds, counts, threshold)
                add(series.slow, bucket, total, bad)
                if uncertain:
                    add(self._uncertain(number, series), bucket, uncertain, 0)
        rows = [(*place, *counted) for place, counted in cells.items()]
        table = np.array(rows, np.int64).reshape(-1, 4)
        return table[:, 0], table[:, 1], table[:, 2:]


def _counts_first(blocks: Ints) -> Ints:
    counts: Ints = blocks[:, :, :2].transpose(0, 2, 1)
    return counts
