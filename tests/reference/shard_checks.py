"""A shard's window sums by name, beside those that raw events give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from burnrate.domain import BURN_WINDOWS, PAIR_WINDOWS, SLO_WINDOW, Target
from burnrate.shard_state import ShardState
from common.events import MetricEvent
from common.slo import WINDOW_DAYS, SliType
from tests.reference.brute_force import resolution_seconds, window_lengths, window_sums
from tests.reference.streams import SERVICES

THRESHOLD = 0.25
TARGETS = [
    *(
        Target(days, f"{days}d", SliType.AVAILABILITY, Decimal("0.99"), days)
        for days in WINDOW_DAYS
    ),
    Target(1, "fast", SliType.LATENCY, Decimal("0.9"), 30, THRESHOLD),
]
COLUMNS = (*BURN_WINDOWS, *PAIR_WINDOWS, SLO_WINDOW, "requests 5m", "requests slo")


@dataclass(frozen=True, slots=True)
class Figures:
    """A service at an instant: lengths, staleness, and (total, bad) by target and window."""

    resolution: int
    stale: bool
    sums: Mapping[str, Mapping[str, tuple[int, int]]]


def with_latency_series(now: datetime) -> ShardState:
    """Return an empty shard that has a latency target for every service."""
    state = ShardState(now)
    for name in SERVICES:
        state.load_latency(name, THRESHOLD, [])
    return state


def figures(state: ShardState, now: datetime) -> dict[str, Figures]:
    """Return what a shard says of each service."""
    slots = state.slots(SERVICES, lambda _: TARGETS)
    rows = state.sums(slots, now)
    assert len(slots) == len(SERVICES) * len(TARGETS)
    return {
        name: Figures(
            state.service(name).resolution_seconds(now),
            state.service(name).is_stale(now),
            {
                slot.target.name: {
                    column: (int(total), int(bad))
                    for column, (total, bad) in zip(COLUMNS, row, strict=True)
                }
                for slot, row in zip(slots, rows, strict=True)
                if slot.service == name
            },
        )
        for name in SERVICES
    }


def expected(events: Sequence[MetricEvent], now: datetime) -> dict[str, Figures]:
    """Return what raw events say of each service."""
    return {name: _expected([e for e in events if e.service == name], now) for name in SERVICES}


def _expected(events: Sequence[MetricEvent], now: datetime) -> Figures:
    resolution = resolution_seconds(events, now)
    sums: dict[str, dict[str, tuple[int, int]]] = {}
    for target in TARGETS:
        lengths = window_lengths(resolution, target.window_days)
        own = {
            name: window_sums(events, now, seconds, target.threshold_seconds)
            for name, seconds in lengths.items()
        }
        own["requests 5m"] = window_sums(events, now, lengths["5m"])
        own["requests slo"] = window_sums(events, now, lengths["slo"])
        sums[target.name] = own
    newest = max((e.timestamp for e in events), default=None)
    age = 0.0 if newest is None else (now - newest).total_seconds()
    return Figures(resolution, age > max(300, 3 * resolution), sums)
