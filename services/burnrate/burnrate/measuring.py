"""The figures of a shard at one instant: those that have changed since they were published. Pure.

What has not been touched since it was published is not looked at; what was is compared, and only
what differs is evaluated.
"""

from dataclasses import dataclass

import numpy as np

from burnrate.domain import (
    BURN_WINDOWS,
    PAIR_WINDOWS,
    SHORTEST_REPORTS,
    service_statuses,
    slo_statuses,
)
from burnrate.engine import ROW_OF, Engine
from burnrate.figures import NAMES, RECENT, SLO, Figures, evaluate, worst_rows
from burnrate.rings import Flags, Ints
from burnrate.service_state import NEVER, ServiceTable
from burnrate.slots import FREE, Slots

_LENGTHS = {**BURN_WINDOWS, **PAIR_WINDOWS}
_ROWS = [ROW_OF[_LENGTHS[name]] for name in NAMES[:SLO]]
_SHORT = BURN_WINDOWS["5m"]
_REQUESTS_RECENT, _REQUESTS_SLO = len(NAMES), len(NAMES) + 1
_COUNT_ROWS = len(NAMES) + 2
_FACTS = 8


class Published:
    """What has gone out of a shard: counts by slot, facts by service, and what to look at again."""

    def __init__(self) -> None:
        self.lagging = False
        self.pending: Flags = np.zeros(0, np.bool_)
        self.counts: Ints = np.zeros((_COUNT_ROWS, 2, 0), np.int64)
        self.facts: Ints = np.zeros((_FACTS, 0), np.int64)

    def widen(self, services: int, slots: int) -> None:
        """Hold as many; services that are new are to be looked at."""
        more = services - len(self.pending)
        if more > 0:
            more = max(more, len(self.pending))
            self.pending = np.pad(self.pending, (0, more), constant_values=True)
            self.facts = np.pad(self.facts, ((0, 0), (0, more)))
        more = slots - self.counts.shape[2]
        if more > 0:
            more = max(more, self.counts.shape[2])
            self.counts = np.pad(self.counts, ((0, 0), (0, 0), (0, more)))

    def accept(self, measured: "Measured") -> None:
        """Note that what was measured has gone out."""
        self.lagging = measured.lagging
        self.counts[:, :, measured.slots] = measured.counts
        self.facts[:, measured.services] = measured.facts
        self.pending[measured.services] = False


@dataclass(frozen=True, slots=True)
class Measured:
    """Services that were looked at, with their slots; `rows` are those that are to go out.

    `counts` [10, 2, slot] are by NAMES, then the service's requests over the shortest window and
    over the SLO window. `rows` are places in `slots`: of these are `figures`, the statuses of
    their services, their own, and `worst`, which are places in `rows`, one for each service.
    """

    lagging: bool
    services: Ints
    facts: Ints
    slots: Ints
    counts: Ints
    rows: Ints
    figures: Figures
    statuses: Ints
    slo_statuses: Ints
    worst: Ints


@dataclass(frozen=True, slots=True)
class Sources:
    """What is measured: the state of a shard."""

    engine: Engine
    table: ServiceTable
    slots: Slots


def look_again(of: Sources, published: Published, *, moved: bool, lagging: bool) -> None:
    """Mark the services whose figures may differ from what is published."""
    published.widen(len(of.table), len(of.slots))
    pending = published.pending
    pending[of.engine.take_touched()] = True
    pending[of.table.take_touched()] = True
    pending[of.slots.take_touched()] = True
    if lagging != published.lagging:
        pending[:] = True
    if moved:  # windows that are longer than usual have no running sums
        pending[np.flatnonzero(_floors(of.table) > _SHORT)] = True


def measure(
    of: Sources, published: Published, now_micros: int, asked: Ints, *, lagging: bool
) -> Measured:
    """Return what differs from what is published, and what is asked for."""
    stale = of.table.stale(now_micros)
    count = len(stale)
    pending = published.pending[:count] | (stale != published.facts[0, :count])
    pending[asked] = True
    in_use = of.slots.service[: len(of.slots)]
    slots = np.flatnonzero((in_use != FREE) & pending[in_use])
    services = np.flatnonzero(pending)
    facts = _facts(of, services, stale)
    counts = _counts(of, slots)
    differs = np.full(count, lagging != published.lagging)
    differs[asked] = True
    differs[services] |= (facts != published.facts[:, services]).any(axis=0)
    differs[in_use[slots[(counts != published.counts[:, :, slots]).any(axis=(0, 1))]]] = True
    rows = np.flatnonzero(differs[in_use[slots]])
    shown = _Shown(services, facts, slots, counts, rows)
    return _evaluated(of, shown, stale, lagging=lagging)


@dataclass(frozen=True, slots=True)
class _Shown:
    services: Ints
    facts: Ints
    slots: Ints
    counts: Ints
    rows: Ints


def _evaluated(of: Sources, shown: _Shown, stale: Flags, *, lagging: bool) -> Measured:
    chosen = shown.slots[shown.rows]
    service = of.slots.service[chosen]
    counts = shown.counts[:, :, shown.rows]
    figures = evaluate(
        counts[: len(NAMES)],
        counts[_REQUESTS_SLO, 0],
        of.slots.allowed[chosen],
        of.slots.min_bad_events[chosen],
        lambda row: of.slots.target(int(chosen[row])).objective,
    )
    statuses = service_statuses(
        of.table.newest_micros[service] != NEVER,
        stale[service],
        counts[_REQUESTS_RECENT, 0],
        lagging=lagging,
    )
    return Measured(
        lagging,
        shown.services,
        shown.facts,
        shown.slots,
        shown.counts,
        shown.rows,
        figures,
        statuses,
        slo_statuses(statuses, counts[SLO, 0], counts[RECENT, 0]),
        worst_rows(service, figures.composite, figures.consumed, of.slots.rank[chosen]),
    )


def _floors(table: ServiceTable) -> Ints:
    found: Ints = SHORTEST_REPORTS * table.resolution_seconds[: len(table)]
    return found


def _facts(of: Sources, services: Ints, stale: Flags) -> Ints:
    """Return what a service's snapshot depends on beside its counts: [8, n], staleness first."""
    table = of.table
    return np.stack(
        [
            stale[services].astype(np.int64),
            of.slots.versions(len(table))[services],
            table.resolution_seconds[services],
            table.newest_micros[services],
            *table.counters[services].T,
        ]
    )


def _counts(of: Sources, slots: Ints) -> Ints:
    """Return [10, total or bad, n] counts of slots."""
    series, requests = of.slots.series[slots], of.slots.requests[slots]
    sums, slo_row = of.engine.sums, of.slots.slo_row[slots]
    counts = np.empty((_COUNT_ROWS, 2, len(slots)), np.int64)
    for place, row in enumerate(_ROWS):
        np.take(sums[row], series, axis=1, out=counts[place], mode="clip")
    counts[_REQUESTS_RECENT] = counts[RECENT]
    for row in np.unique(slo_row).tolist():
        own = np.flatnonzero(slo_row == row)
        counts[SLO][:, own] = sums[row][:, series[own]]
    counts[_REQUESTS_SLO] = counts[SLO]
    partial = np.flatnonzero(of.slots.partial[slots])
    if len(partial):
        counts[_REQUESTS_RECENT][:, partial] = sums[_ROWS[RECENT]][:, requests[partial]]
        counts[_REQUESTS_SLO][:, partial] = sums[slo_row[partial], :, requests[partial]].T
    _lengthen(of, slots, counts)
    return counts


def _lengthen(of: Sources, slots: Ints, counts: Ints) -> None:
    """Sum the windows of rare reporters anew, over lengths that hold two of their reports."""
    floors = _floors(of.table)[of.slots.service[slots]]
    rare = np.flatnonzero(floors > _SHORT)
    if not len(rare):
        return
    seconds = floors[rare]
    own = of.engine.window_sums(of.slots.series[slots[rare]], seconds)
    for place, name in enumerate(NAMES[:SLO]):
        longer = seconds > _LENGTHS[name]
        counts[place][:, rare[longer]] = own[:, longer]
    requests = of.engine.window_sums(of.slots.requests[slots[rare]], seconds)
    counts[_REQUESTS_RECENT][:, rare] = requests
