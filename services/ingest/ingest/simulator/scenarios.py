"""What goes wrong in the demonstration, and when: a pure function of seed and time.

Each kind has one incident in every cycle. A cycle plus its jitter is less than an hour longer than
the shortest incident, so that each kind has been active within any hour that one looks back.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Values = NDArray[np.float64]

MINUTE = 60
_STORM_ERROR_RATIO = 0.04
"""Share of the retries that fail when the storm begins; it falls to 0 at its end."""


class ScenarioKind(StrEnum):
    """The kinds of incident."""

    FAST_OUTAGE = "fast_outage"
    SLOW_BURN = "slow_burn"
    FLAPPING = "flapping"
    TRAFFIC_DIP = "traffic_dip"
    LATENCY_ONLY = "latency_only"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class SimulatedIncident:
    """A scenario as it happens once, in [start, end): whole minutes, in seconds since 1970."""

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


@dataclass(frozen=True, slots=True)
class Effects:
    """Factors of traffic and latency, and the least error ratio: one value for each instant."""

    traffic_ratio: Values
    latency_ratio: Values
    error_ratio: Values

    @classmethod
    def none(cls, instants: Values) -> "Effects":
        """Return effects that change nothing."""
        ones = np.ones_like(instants)
        return cls(ones, ones.copy(), np.zeros_like(instants))


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


def incidents(seed: int, kind: ScenarioKind, start: int, end: int) -> list[SimulatedIncident]:
    """Return the incidents that overlap [start, end), oldest first; times in seconds since 1970."""
    schedule = SCHEDULES[kind]
    cycle_seconds = schedule.cycle * MINUTE
    phase = int(_generator(seed, kind).integers(schedule.cycle)) * MINUTE
    first = (start - phase) // cycle_seconds - 1
    last = (end - phase) // cycle_seconds
    found = [
        _incident(seed, kind, cycle, phase + cycle * cycle_seconds)
        for cycle in range(max(first, 0), last + 1)
    ]
    return [incident for incident in found if incident.start < end and incident.end > start]


def apply(incident: SimulatedIncident, instants: Values, effects: Effects) -> None:
    """Add an incident to `effects`, in place. `instants` are seconds since 1970."""
    active = (instants >= incident.start) & (instants < incident.end)
    elapsed = instants - incident.start
    match incident.kind:
        case ScenarioKind.FAST_OUTAGE | ScenarioKind.SLOW_BURN:
            effects.error_ratio[active] = incident.parameters["error_ratio"]
        case ScenarioKind.FLAPPING:
            half_periods = elapsed // incident.parameters["half_period_seconds"]
            broken = active & (half_periods % 2 == 0)
            effects.error_ratio[broken] = incident.parameters["error_ratio"]
        case ScenarioKind.TRAFFIC_DIP:
            effects.traffic_ratio[active] = incident.parameters["traffic_ratio"]
        case ScenarioKind.LATENCY_ONLY:
            effects.latency_ratio[active] = incident.parameters["latency_ratio"]
        case ScenarioKind.RECOVERY:
            _recover(incident, active, elapsed, effects)


def _incident(seed: int, kind: ScenarioKind, cycle: int, cycle_start: int) -> SimulatedIncident:
    schedule, random = SCHEDULES[kind], _generator(seed, kind, cycle)
    start = cycle_start + int(random.integers(schedule.jitter + 1)) * MINUTE
    minutes = int(random.integers(schedule.shortest, schedule.longest + 1))
    parameters = {
        name: _parameter(random, name, low, high)
        for name, (low, high) in schedule.parameters.items()
    }
    return SimulatedIncident(kind, start, start + minutes * MINUTE, parameters)


def _parameter(random: Generator, name: str, low: float, high: float) -> float:
    if name.endswith("_seconds"):
        return int(random.integers(int(low) // MINUTE, int(high) // MINUTE + 1)) * MINUTE
    return round(float(random.uniform(low, high)), 5)


def _generator(seed: int, kind: ScenarioKind, *cycle: int) -> Generator:
    return np.random.default_rng([seed, _NUMBERS[kind], *cycle])


def _recover(
    incident: SimulatedIncident, active: NDArray[np.bool_], elapsed: Values, effects: Effects
) -> None:
    """Add an outage, then a storm of retries that calms down to nothing at the end."""
    outage_seconds = incident.parameters["outage_seconds"]
    outage, storm = active & (elapsed < outage_seconds), active & (elapsed >= outage_seconds)
    storm_seconds = incident.end - incident.start - outage_seconds
    left = 1 - (elapsed[storm] - outage_seconds) / storm_seconds
    effects.error_ratio[outage] = incident.parameters["error_ratio"]
    effects.error_ratio[storm] = _STORM_ERROR_RATIO * left
    effects.traffic_ratio[storm] = 1 + (incident.parameters["retry_ratio"] - 1) * left
    effects.latency_ratio[storm] = 1 + left
