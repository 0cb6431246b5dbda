"""The twelve services of the demonstration, as data: who owns them and how they behave."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from ingest.simulator.scenarios import ScenarioKind


@dataclass(frozen=True, slots=True)
class SimulatedService:
    """A service and its normal behaviour; `scenario` is the incident it has again and again.

    `requests_per_second` is the mean of a weekday, `error_ratio` 0..1, `median_seconds` the
    middle request duration, `availability_objective` a decimal ratio for its SLO target.
    """

    name: str
    tier: Literal[1, 2, 3]
    owner: str
    description: str
    requests_per_second: float
    error_ratio: float
    median_seconds: float
    availability_objective: str
    scenario: ScenarioKind | None = None


SERVICES: Final = msgspec.yaml.decode(
    Path(__file__).with_name("services.yaml").read_bytes(), type=tuple[SimulatedService, ...]
)
