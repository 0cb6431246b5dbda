"""What an episode does to a service while it lasts: more errors, other traffic, slower answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.scenarios import Episode, ScenarioKind

Values = NDArray[np.float64]

_STORM_ERROR_RATIO = 0.04
"""Share of the retries that still fail when the storm begins; it falls to 0 at its end."""


@dataclass(frozen=True, slots=True)
class Effects:
    """One value for each instant: factors of traffic and latency, and the least error ratio."""

    traffic_ratio: Values
    latency_ratio: Values
    error_ratio: Values

    @classmethod
    def none(cls, instants: Values) -> "Effects":
        """Return what changes nothing."""
        ones = np.ones_like(instants)
        return cls(ones, ones.copy(), np.zeros_like(instants))


def apply(episode: Episode, instants: Values, effects: Effects) -> None:
    """Write the episode into `effects`, in place. `instants` are seconds since 1970."""
    active = (instants >= episode.start) & (instants < episode.end)
    elapsed = instants - episode.start
    match episode.kind:
        case ScenarioKind.FAST_OUTAGE | ScenarioKind.SLOW_BURN:
            effects.error_ratio[active] = episode.parameters["error_ratio"]
        case ScenarioKind.FLAPPING:
            half_periods = elapsed // episode.parameters["half_period_seconds"]
            broken = active & (half_periods % 2 == 0)
            effects.error_ratio[broken] = episode.parameters["error_ratio"]
        case ScenarioKind.TRAFFIC_DIP:
            effects.traffic_ratio[active] = episode.parameters["traffic_ratio"]
        case ScenarioKind.LATENCY_ONLY:
            effects.latency_ratio[active] = episode.parameters["latency_ratio"]
        case ScenarioKind.RECOVERY:
            _recover(episode, active, elapsed, effects)


def _recover(
    episode: Episode, active: NDArray[np.bool_], elapsed: Values, effects: Effects
) -> None:
    """An outage, then a storm of retries that calms down to nothing at the end."""
    outage_seconds = episode.parameters["outage_seconds"]
    outage, storm = active & (elapsed < outage_seconds), active & (elapsed >= outage_seconds)
    storm_seconds = episode.end - episode.start - outage_seconds
    left = 1 - (elapsed[storm] - outage_seconds) / storm_seconds
    effects.error_ratio[outage] = episode.parameters["error_ratio"]
    effects.error_ratio[storm] = _STORM_ERROR_RATIO * left
    effects.traffic_ratio[storm] = 1 + (episode.parameters["retry_ratio"] - 1) * left
    effects.latency_ratio[storm] = 1 + left
