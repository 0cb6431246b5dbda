"""What the facts are made from: a service at one instant, as all the parts see it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api_gateway.catalog.domain import Tier
from api_gateway.projections.service_status import ServiceState
from api_gateway.release.domain import Release
from common.alerting.rules import Severity
from common.events import ChangeEvent, OverrideChanged, ServiceForecast


@dataclass(frozen=True, slots=True)
class OpenEpisode:
    """An alert that has not been resolved."""

    severity: Severity
    acknowledged: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Onset:
    """When errors began, found from the counts; `ended_at` is None while they last.

    `bad` of `total` requests from the one to the other, or until now. `older` is the slower burn
    that went before, up to `at`; it may have begun before its first minute.
    """

    at: datetime
    bad: int
    total: int
    ended_at: datetime | None = None
    older: "Onset | None" = None


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """A service; `release` is a feature change's, `override` the one that made it, if one did.

    What no part has said yet is None or empty.
    """

    state: ServiceState
    tier: Tier
    forecast: ServiceForecast | None = None
    release: Release | None = None
    override: OverrideChanged | None = None
    episodes: Sequence[OpenEpisode] = ()
    changes: Sequence[ChangeEvent] = ()
    onset: Onset | None = None

    @property
    def name(self) -> str:
        """The service's name."""
        return self.state.service_name
