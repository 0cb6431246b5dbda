"""What the facts are taken from: a service at one instant, as all the parts see it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from api_gateway.projections.service_status import ServiceState
from common.events import ServiceForecast

Tier = Literal[1, 2, 3]
Severity = Literal["page", "ticket", "info"]


@dataclass(frozen=True, slots=True)
class Release:
    """What the gate says of a feature change now; `reason_codes` gravest first."""

    decision: Literal["ALLOW", "WARN", "BLOCK", "UNKNOWN"]
    allowed: bool
    reason_codes: tuple[str, ...]
    override_id: int | None = None


@dataclass(frozen=True, slots=True)
class OpenEpisode:
    """An alert that has not been resolved."""

    id: int
    service_name: str
    rule: str
    severity: Severity
    acknowledged: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was changed about a service; `version` comes from outside as it is."""

    service_name: str
    kind: str
    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Onset:
    """When errors began, found from the counts; `ended_at` is None while they last.

    `bad` of `total` requests from the one to the other, or until now.
    """

    at: datetime
    bad: int
    total: int
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """A service. What no part has said yet is None or empty."""

    state: ServiceState
    tier: Tier
    forecast: ServiceForecast | None = None
    release: Release | None = None
    episodes: Sequence[OpenEpisode] = ()
    changes: Sequence[Change] = ()
    onset: Onset | None = None

    @property
    def name(self) -> str:
        """The service's name."""
        return self.state.service_name
