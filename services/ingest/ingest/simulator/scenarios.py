"""When something goes wrong in the demonstration: episodes as a pure function of seed and time.

Each kind has one episode in every cycle. A cycle plus its jitter is less than an hour longer than
the shortest episode, so that each kind has been active within any hour that one looks back.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator

MINUTE = 60


class ScenarioKind(StrEnum):
    """What may befall a service."""

    FAST_OUTAGE = "fast_outage"
    SLOW_BURN = "slow_burn"
    FLAPPING = "flapping"
    TRAFFIC_DIP = "traffic_dip"
    LATENCY_ONLY = "latency_only"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Episode:
    """A scenario once: from `start` up to `end`, whole minutes in seconds since 1970."""

    kind: ScenarioKind
    start: int
    end: int
    parameters: dict[str, float]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often and how long, in minutes, and the range of each parameter.

    Parameters end in their unit; those in seconds are whole minutes.
    """

    cycle: int
    jitter: int
    shortest: int
    longest: int
    parameters: dict[str, tuple[float, float]]


SCHEDULES = {
    ScenarioKind.FAST_OUTAGE: Schedule(55, 4, 4, 8, {"error_ratio": (0.25, 0.6)}),
    ScenarioKind.SLOW_BURN: Schedule(80, 8, 34, 44, {"error_ratio": (0.0014, 0.0018)}),
    ScenarioKind.FLAPPING: Schedule(
        75, 6, 24, 32, {"error_ratio": (0.005, 0.008), "half_period_seconds": (60, 180)}
    ),
    ScenarioKind.TRAFFIC_DIP: Schedule(65, 5, 14, 22, {"traffic_ratio": (0.05, 0.2)}),
    ScenarioKind.LATENCY_ONLY: Schedule(75, 6, 24, 32, {"latency_ratio": (1.8, 2.4)}),
    ScenarioKind.RECOVERY: Schedule(
        60,
        4,
        10,
        14,
        {"error_ratio": (0.1, 0.2), "outage_seconds": (120, 180), "retry_ratio": (1.8, 2.6)},
    ),
}
_NUMBERS = {kind: number for number, kind in enumerate(ScenarioKind)}


def episodes(seed: int, kind: ScenarioKind, start: int, end: int) -> list[Episode]:
    """Return the episodes that overlap [start, end), oldest first; times in seconds since 1970."""
    schedule = SCHEDULES[kind]
    cycle_seconds = schedule.cycle * MINUTE
    phase = int(_generator(seed, kind).integers(schedule.cycle)) * MINUTE
    first = (start - phase) // cycle_seconds - 1
    last = (end - phase) // cycle_seconds
    found = [
        _episode(seed, kind, cycle, phase + cycle * cycle_seconds)
        for cycle in range(max(first, 0), last + 1)
    ]
    return [episode for episode in found if episode.start < end and episode.end > start]


def _episode(seed: int, kind: ScenarioKind, cycle: int, cycle_start: int) -> Episode:
    schedule, random = SCHEDULES[kind], _generator(seed, kind, cycle)
    start = cycle_start + int(random.integers(schedule.jitter + 1)) * MINUTE
    minutes = int(random.integers(schedule.shortest, schedule.longest + 1))
    parameters = {
        name: _parameter(random, name, low, high)
        for name, (low, high) in schedule.parameters.items()
    }
    return Episode(kind, start, start + minutes * MINUTE, parameters)


def _parameter(random: Generator, name: str, low: float, high: float) -> float:
    if name.endswith("_seconds"):
        return int(random.integers(int(low) // MINUTE, int(high) // MINUTE + 1)) * MINUTE
    return round(float(random.uniform(low, high)), 5)


def _generator(seed: int, kind: ScenarioKind, *cycle: int) -> Generator:
    return np.random.default_rng([seed, _NUMBERS[kind], *cycle])
