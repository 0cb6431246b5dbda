"""The figures of a shard at one instant: those that have changed since they were published. Pure.

Whoever changes a sum, a time or an objective flags the service as touched: services that were not
touched since they were published are not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from burnrate.domain.objectives import (
    service_statuses,
    slo_statuses,
)
from burnrate.domain.service_state import NEVER, Moment, StreamTable
from burnrate.evaluation.figures import (
    COVERED,
    NAMES,
    RECENT,
    SLO,
    Counts,
    Figures,
    evaluate,
    worst_rows,
)
from burnrate.evaluation.slots import FREE, Slots
from burnrate.windows.engine import OWN_WINDOWS, ROW_OF, Engine
from common.arrays import Flags, Ints
from common.config.clock import to_micros
from common.counts.layout import SUM_LIMIT
from common.slo.vocabulary import WINDOW_DAYS
from common.slo.windows import DAY, HOUR, SHORT_WINDOW_SECONDS, SHORTEST_REPORTS

_FIRST_SLO_ROW = ROW_OF[WINDOW_DAYS[0] * DAY]
_SLO_HOURS = np.array([days * DAY // HOUR for days in WINDOW_DAYS], np.int64)
_NONE: Ints = np.zeros((4, 0), np.int64)
_NONE_BY_NAMES: Ints = np.zeros((len(NAMES), 0), np.int64)


class Published:
    """What a shard has published, as far as it decides what to publish next.

    `pending` are services that have been touched since, `stale` are by stream; `recent` are, by
    slot, the counts over the shortest window, which of rare reporters move untouched.
    """

    def __init__(self) -> None:
        self.lagging = False
        self.pending: Flags = np.zeros(0, np.bool_)
        self.stale: Flags = np.zeros(0, np.bool_)
        self.recent: Ints = np.zeros((4, 0), np.int64)

    def widen(self, streams: int, slots: int) -> None:
        """Make room for so many streams and slots; services that are new are to be published."""
        more = streams - len(self.pending)
        if more > 0:
            more = max(more, len(self.pending))
            self.pending = np.pad(self.pending, (0, more), constant_values=True)
            self.stale = np.pad(self.stale, (0, more))
        more = slots - self.recent.shape[1]
        if more > 0:
            self.recent = np.pad(self.recent, ((0, 0), (0, max(more, self.recent.shape[1]))))

    def accept(self, measured: "Measured") -> None:
        """Note that what was measured is published."""
        self.lagging = measured.lagging
        self.pending[measured.services] = False
        self.stale[measured.streams] = measured.stale
        self.recent[:, measured.rare] = measured.recent


@dataclass(frozen=True, slots=True)
class Measured:
    """What is to be published: services, whether their streams are stale, and their objectives.

    These are in arrays of n slots.

    `worst` are places in `slots`, one for each service that has any. `rare` are slots of rare
    reporters, and `recent` [4, n] their counts over the shortest window: total, bad, requests,
    uncertain. `reported_hours` [n] are those of the SLO window in which the stream reported.
    """

    lagging: bool
    services: Ints
    streams: Ints
    stale: Flags
    slots: Ints
    counts: Counts
    reported_hours: Ints
    figures: Figures
    statuses: Ints
    slo_statuses: Ints
    worst: Ints
    rare: Ints
    recent: Ints


@dataclass(frozen=True, slots=True)
class Sources:
    """What is measured: the state of a shard."""

    engine: Engine
    table: StreamTable
    slots: Slots


def look_again(of: Sources, published: Published, *, moved: bool, lagging: bool) -> None:
    """Flag the services whose figures may differ from what is published."""
    published.widen(len(of.table), len(of.slots))
    pending = published.pending
    pending[of.engine.take_touched()] = True
    pending[of.table.take_touched()] = True
    pending[of.slots.take_touched()] = True
    if lagging != published.lagging:
        pending[:] = True
    if moved:  # windows that are longer than usual have no running sums
        in_use, streams = of.slots.service[: len(of.slots)], of.slots.stream[: len(of.slots)]
        rare = np.flatnonzero(
            (in_use != FREE) & (_floors(of.table, streams) > SHORT_WINDOW_SECONDS)
        )
        if len(rare):
            differs = (_recent(of, rare) != published.recent[:, rare]).any(axis=0)
            pending[in_use[rare[differs]]] = True


def measure(of: Sources, published: Published, moment: Moment, asked: Ints) -> Measured:
    """Return what differs from what is published, and what is asked for."""
    stale = of.table.stale(to_micros(moment.now))
    count = len(stale)
    pending = published.pending[:count].copy()
    pending[of.table.service[np.flatnonzero(stale != published.stale[:count])]] = True
    pending[asked] = True
    in_use = of.slots.service[: len(of.slots)]
    slots = np.flatnonzero((in_use != FREE) & pending[in_use])
    stream = of.slots.stream[slots]
    counts = _counts(of, slots)
    rare, recent = _lengthen(of, slots, counts)
    window = of.slots.slo_row[slots] - _FIRST_SLO_ROW
    hours = of.table.reported.count[window, stream]
    figures = evaluate(
        counts,
        hours / _SLO_HOURS[window],
        (of.slots.allowed[0, slots], of.slots.allowed[1, slots]),
        of.slots.min_bad_events[slots],
        lambda row: of.slots.target(int(slots[row])).objective,
    )
    statuses = _statuses(of, counts, stream, stale[stream], lagging=moment.lagging)
    streams = np.flatnonzero(pending[of.table.service[:count]])
    return Measured(
        moment.lagging,
        np.flatnonzero(pending),
        streams,
        stale[streams],
        slots,
        counts,
        hours,
        figures,
        statuses,
        slo_statuses(statuses, counts.sums[SLO, 0], counts.sums[RECENT, 0]),
        _worst(of, slots, figures),
        slots[rare],
        recent,
    )


def _statuses(of: Sources, counts: Counts, stream: Ints, stale: Flags, *, lagging: bool) -> Ints:
    seen, recent = of.table.newest_micros[stream] != NEVER, counts.recent_requests()
    return service_statuses(seen, stale, _saturated(counts), recent, lagging=lagging)


def _saturated(counts: Counts) -> Flags:
    """Return of which slots a sum of requests has reached its limit: errors are hidden."""
    found: Flags = counts.sums[:, 0].max(axis=0) >= SUM_LIMIT
    if len(counts.partial):
        found[counts.partial] |= counts.requests.max(axis=0) >= SUM_LIMIT
    return found


def _worst(of: Sources, slots: Ints, figures: Figures) -> Ints:
    alone = of.slots.alone[slots]
    if alone.all():
        return np.arange(len(slots))
    service, rank = of.slots.service[slots], of.slots.rank[slots]
    return worst_rows(service, figures.levels, figures.composite, figures.rates[SLO], rank)


def _floors(table: StreamTable, streams: Ints) -> Ints:
    found: Ints = SHORTEST_REPORTS * table.resolution_seconds[streams]
    return found


def _counts(of: Sources, slots: Ints) -> Counts:
    """Return the counts of slots."""
    sums, series = of.engine.sums, of.slots.series[slots]
    found = np.empty((len(NAMES), 2, len(slots)), np.int64)
    np.take(sums[:SLO], series, axis=2, out=found[:SLO], mode="clip")
    for row in of.slots.slo_rows:
        if len(of.slots.slo_rows) == 1:
            np.take(sums[row], series, axis=1, out=found[SLO], mode="clip")
        else:
            own = np.flatnonzero(of.slots.slo_row[slots] == row)
            found[SLO][:, own] = sums[row][:, series[own]]
    partial = np.flatnonzero(of.slots.partial[slots])
    if not len(partial):
        return Counts(found, partial, _NONE, _NONE_BY_NAMES)
    requests = _totals(of, slots[partial], of.slots.requests, COVERED)
    uncertain = np.zeros((len(NAMES), len(partial)), np.int64)
    doubtful = np.flatnonzero(of.slots.uncertain[slots[partial]] != FREE)
    if len(doubtful):
        own = slots[partial[doubtful]]
        uncertain[:, doubtful] = _totals(of, own, of.slots.uncertain, range(len(NAMES)))
    return Counts(found, partial, requests, uncertain)


def _totals(of: Sources, slots: Ints, series_of: Ints, windows: Sequence[int]) -> Ints:
    """Return totals [window, n] of slots' requests or uncertain counts; the last window is SLO."""
    series, slo_row = series_of[slots], of.slots.slo_row[slots]
    sums = of.engine.sums[:, 0]
    return np.concatenate([sums[list(windows[:-1])][:, series], sums[slo_row, series][None]])


def _lengthen(of: Sources, slots: Ints, counts: Counts) -> tuple[Ints, Ints]:
    """Sum the windows of rare reporters anew, over lengths that hold two of their reports.

    Returns which of the slots these are, and their sums over such a length.
    """
    floors = _floors(of.table, of.slots.stream[slots])
    rare = np.flatnonzero(floors > SHORT_WINDOW_SECONDS)
    if not len(rare):
        return rare, _NONE
    recent = _recent(of, slots[rare])
    partial = np.isin(rare, counts.partial)
    at = np.searchsorted(counts.partial, rare)  # where it is partial
    for place, length in enumerate(OWN_WINDOWS.values()):
        longer = floors[rare] > length
        counts.sums[place][:, rare[longer]] = recent[:2, longer]
        longer &= partial
        counts.uncertain[place, at[longer]] = recent[3, longer]
        if place in COVERED:
            counts.requests[place, at[longer]] = recent[2, longer]
    return rare, recent


def _recent(of: Sources, slots: Ints) -> Ints:
    """Return [4, n] of slots over two reports: total, bad, requests, uncertain."""
    seconds = _floors(of.table, of.slots.stream[slots])
    uncertain = of.slots.uncertain[slots]
    read = [of.slots.series[slots], of.slots.requests[slots], np.maximum(uncertain, 0)]
    sums = of.engine.window_sums(np.concatenate(read), np.tile(seconds, 3))
    own, requests, doubtful = np.split(sums, 3, axis=1)
    found: Ints = np.stack([*own, requests[0], np.where(uncertain == FREE, 0, doubtful[0])])
    return found
