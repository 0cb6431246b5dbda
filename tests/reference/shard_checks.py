"""Hand-worked objectives, and a shard's window sums by name beside those that raw events give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from msgspec.structs import replace

from burnrate.domain.objectives import STATUSES, Target, slo_statuses
from burnrate.domain.service_state import Moment, ServiceQuota, StreamTable
from burnrate.evaluation.figures import COVERED, NAMES, SLO
from burnrate.evaluation.figures import Counts as EvaluatedCounts
from burnrate.evaluation.figures import evaluate as vectorised
from burnrate.evaluation.measuring import Measured, Published, Sources
from burnrate.evaluation.shard_state import ShardState
from burnrate.evaluation.slots import Objective, Slots
from burnrate.evaluation.snapshots import snapshots
from burnrate.windows.engine import Engine
from common.arrays import Ints
from common.config.clock import to_micros
from common.events import BurnRateSnapshot, MetricEvent, SloStatus
from common.slo.arithmetic import allowed_ratio
from common.slo.streams import indicator_of, service_of
from common.slo.vocabulary import WINDOW_DAYS, DataStatus, SliType
from tests.reference.brute_force import (
    covered_sums,
    newest_usual,
    resolution_seconds,
    window_lengths,
    window_sums,
)
from tests.reference.streams import STREAMS

THRESHOLD = 0.25
TARGETS = [
    *(
        Target(f"{days}d", SliType.AVAILABILITY, Decimal("0.99"), days, id=days)
        for days in WINDOW_DAYS
    ),
    Target("fast", SliType.LATENCY, Decimal("0.9"), 30, THRESHOLD, id=1),
]
COVERED_NAMES = tuple(f"{name}, requests and uncertain" for name in NAMES)
COLUMNS = (*NAMES, *COVERED_NAMES)


def snapshot_of(
    state: ShardState, name: str, targets: Sequence[Target], moment: Moment
) -> BurnRateSnapshot:
    """Return the snapshot that a service has at that moment with these objectives."""
    state.assign(name, targets)
    found = snapshots(state.sources, state.measure(Published(), moment), moment)
    return next(own for own in found if own.service_name == name)


@dataclass(frozen=True, slots=True)
class Figures:
    """A service at an instant: lengths, staleness, and (total, bad) by target and window."""

    resolution: int
    stale: bool
    sums: Mapping[str, Mapping[str, tuple[int, int]]]


@dataclass(slots=True)
class _Reader:
    """Whoever reads snapshots: what has gone out, and the newest counts by slot."""

    published: Published = field(default_factory=Published)
    counts: dict[int, Ints] = field(default_factory=dict)

    def read(self, state: ShardState, moment: Moment) -> None:
        measured = state.measure(self.published, moment)
        self.published.accept(measured)
        counts = measured.counts
        covered = np.zeros_like(counts.sums)
        covered[:, 0] = counts.sums[:, 0]
        for at, i in enumerate(counts.partial.tolist()):
            covered[list(COVERED), 0, i] = counts.requests[:, at]
            covered[:, 1, i] = counts.uncertain[:, at]
        for i, slot in enumerate(measured.slots.tolist()):
            self.counts[slot] = np.concatenate((counts.sums[:, :, i], covered[:, :, i]))


_readers: WeakKeyDictionary[ShardState, _Reader] = WeakKeyDictionary()


def with_latency_series(now: datetime) -> ShardState:
    """Return an empty shard that has a latency target for every service, and deep series."""
    state = ShardState(now, is_deep=lambda _: True)
    for name in STREAMS:
        state.load_slow_counts(name, THRESHOLD, [])
    return state


def measured_counts(state: ShardState, now: datetime) -> dict[int, Ints]:
    """Return [16, 2] by slot, as COLUMNS, as far as they are known to whoever reads snapshots.

    They are kept up by what each tick finds changed, and equal to what looking at all gives.
    """
    moment = Moment(now, 0, 1, now, lagging=False)
    known, anew = _readers.setdefault(state, _Reader()), _Reader()
    known.read(state, moment)
    anew.read(state, moment)
    slots = {slot for own in state.slots.of_service.values() for slot in own}
    assert anew.counts.keys() == slots
    for slot in slots:
        assert np.array_equal(known.counts[slot], anew.counts[slot])
    return anew.counts


def assign_targets(state: ShardState) -> None:
    """Give every stream the objectives of TARGETS."""
    for service in dict.fromkeys(map(service_of, STREAMS)):
        indicators = [indicator_of(own) for own in STREAMS if service_of(own) == service]
        own = [replace(target, indicator=i) for i in indicators for target in TARGETS]
        state.assign(service, own)


def figures(state: ShardState, now: datetime) -> dict[str, Figures]:
    """Return what a shard says of each stream."""
    assign_targets(state)
    counts = measured_counts(state, now)
    assert len(counts) == len(STREAMS) * len(TARGETS)
    stale = state.table.stale(to_micros(now))
    return {
        name: Figures(
            int(state.table.resolution_seconds[number]),
            bool(stale[number]),
            {
                state.slots.target(slot).name: {
                    column: (int(total), int(bad))
                    for column, (total, bad) in zip(COLUMNS, counts[slot], strict=True)
                }
                for slot in np.flatnonzero(state.slots.stream == number).tolist()
            },
        )
        for name, number in ((name, state.table.numbers[name]) for name in STREAMS)
    }


def expected(events: Sequence[MetricEvent], now: datetime) -> dict[str, Figures]:
    """Return what raw events say of each stream."""
    return {name: _expected([e for e in events if e.stream == name], now) for name in STREAMS}


def _expected(events: Sequence[MetricEvent], now: datetime) -> Figures:
    resolution = resolution_seconds(events, now)
    sums: dict[str, dict[str, tuple[int, int]]] = {}
    for target in TARGETS:
        lengths = window_lengths(resolution, target.window_days)
        own = {
            name: window_sums(events, now, seconds, target.threshold_seconds)
            for name, seconds in lengths.items()
        }
        for row, name in enumerate(COVERED_NAMES):
            seconds = lengths[NAMES[row]]
            requests, uncertain = covered_sums(events, now, seconds, target.threshold_seconds)
            own[name] = (requests if row in COVERED else own[NAMES[row]][0], uncertain)
        sums[target.name] = own
    newest = newest_usual(events)
    age = 0.0 if newest is None else (now - newest).total_seconds()
    return Figures(resolution, age > max(300, 3 * resolution), sums)


Counts = tuple[int, int]  # total, bad
QUIET: Counts = (0, 0)


def target(objective: str = "0.999", **fields: Any) -> Target:
    """Return an availability target of 30 days, or what the fields say."""
    given = {"id": 1, "name": "slo", "sli_type": SliType.AVAILABILITY, "window_days": 30}
    return Target(objective=Decimal(objective), **{**given, **fields})


def evaluate(  # noqa: PLR0913 - the parts of an evaluation
    of: Target,
    sums: Mapping[str, Counts],
    *,
    resolution: int = 10,
    status: DataStatus = DataStatus.OK,
    requests: Mapping[str, int] | None = None,
    uncertain: Mapping[str, int] | None = None,
) -> SloStatus:
    """Evaluate with (total, bad) by window; windows that are not named are empty.

    `requests` of the service are those of the objective where they are not given.
    """
    own_sums = np.array([sums.get(name, QUIET) for name in NAMES], np.int64)[:, :, None]
    codes, covered = np.array([STATUSES.index(status)]), [NAMES[row] for row in COVERED]
    own = {name: sums.get(name, QUIET)[0] for name in covered}
    asked = np.array([[{**own, **(requests or {})}[name]] for name in covered])
    unsure = np.array([[(uncertain or {}).get(name, 0)] for name in NAMES])
    above, below = allowed_ratio(of.objective).as_integer_ratio()
    counts = EvaluatedCounts(own_sums, np.zeros(1, np.int64), asked, unsure)
    figures = vectorised(
        counts,
        np.ones(1),
        (np.array([float(above)]), np.array([float(below)])),
        np.array([of.min_bad_events]),
        lambda _: of.objective,
    )
    sources = Sources(Engine(0), StreamTable(ServiceQuota(1)), Slots())
    sources.slots.assign(sources.table.add("service"), [Objective(of, 0, 0, 0)])
    sources.table.resolution_seconds[0] = resolution
    one = np.zeros(1, np.int64)
    slo = slo_statuses(codes, own_sums[SLO, 0], own_sums[0, 0])
    measured = Measured(
        lagging=False,
        services=one,
        streams=one,
        stale=np.zeros(1, np.bool_),
        slots=one,
        counts=counts,
        reported_hours=np.array([of.window_days * 24]),
        figures=figures,
        statuses=codes,
        slo_statuses=slo,
        worst=one,
        rare=one[:0],
        recent=np.zeros((4, 0), np.int64),
    )
    now = datetime(2026, 3, 1, tzinfo=UTC)
    [found] = snapshots(sources, measured, Moment(now, 0, 1, now, lagging=False))
    return found.slos[0]
