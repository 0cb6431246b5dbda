"""The overview over HTTP: every service with the figures that one line of a list shows."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, Field

from api_gateway.burn.history import HOURS_SHOWN, HourlyRates
from api_gateway.burn.schemas import Burn
from api_gateway.catalog.domain import Service, Tier
from api_gateway.http.types import Answer, Instant
from api_gateway.projections.service_status import ServiceState
from api_gateway.release.domain import Release
from common.events import (
    Confidence,
    Decision,
    ForecastStatus,
    OverrideChanged,
    SloForecast,
    Trend,
)


class OverviewOverride(Answer):
    """Who has decided instead of the gate, why, until when, and how often that was used."""

    id: int
    actor: str
    on_behalf_of: str | None
    reason: str
    expires_at: Instant
    max_uses: int | None
    uses: int


class OverviewDecision(Answer):
    """Whether a feature may be released now, and the reason that decides."""

    decision: Decision
    allowed: bool
    reason: str | None
    overridden: bool = Field(description="A person has decided, and not the gate")
    override: OverviewOverride | None = Field(description="Who has, if somebody has")
    decision_id: str
    snapshot_id: str | None = Field(description="The snapshot that the reason's figures are of")

    @classmethod
    def of(cls, release: Release, overrides: Mapping[int, OverrideChanged]) -> Self:
        """Return what a line shows of a release."""
        return cls(
            decision=release.decision,
            allowed=release.allowed,
            reason=release.reasons[0].message if release.reasons else None,
            overridden=release.override_id is not None,
            override=overrides.get(release.override_id or 0),
            decision_id=release.decision_id,
            snapshot_id=release.snapshot_id,
        )


class OverviewForecast(Answer):
    """When the budget that is spent first will be, in hours.

    null: not within its window, as long as `forecast_status` is `known`.
    """

    name: str = Field(description="The objective that it is about")
    forecast_status: ForecastStatus
    time_to_exhaustion_hours: float | None
    p10_hours: float | None
    p90_hours: float | None
    burn_rate_trend: Trend
    confidence_level: Confidence


class OverviewRow(Burn):
    """A service in one line.

    Level and burn rates are those of its worst objective, budgets those of the one with the least
    left.
    """

    service_name: str
    tier: Tier
    owner: str
    slo_name: str
    objective: float
    window_days: int
    budget_slo_name: str = Field(description="The objective with the least of its budget left")
    budget_window_days: int
    slo_count: int = Field(description="How many objectives the service has, the default included")
    default_slo: bool = Field(description="No target has been set, so the default one is used")
    bad_events_left: int | None = Field(
        description="Bad events until the budget is spent, at the traffic of the SLO window; "
        "negative when overspent, null while nothing is known"
    )
    coverage_ratio: float = Field(
        description="Share of the latest requests that are certainly good or certainly bad, of the "
        "objective with the smallest"
    )
    timestamp: Instant
    newest_at: Instant | None
    snapshot_id: str | None = Field(description="The snapshot that its figures are of")
    forecast: OverviewForecast
    decision: OverviewDecision | None = Field(
        description="null while the gate has not decided on the service"
    )
    hourly_burn_rates: list[float | None] = Field(
        description="Of each hour in `hours_end`; null where nothing was requested or reported"
    )
    hourly_burn_rates_least: list[float | None] | None = Field(
        description="The same if nothing uncertain was bad; null where that makes no difference"
    )

    @classmethod
    def of(
        cls,
        service: Service,
        state: ServiceState,
        forecast: SloForecast,
        gate: OverviewDecision | None,
        hourly: HourlyRates,
    ) -> Self:
        """Return the line of a service."""
        worst, least = state.worst, state.least_budget
        figures = {name: getattr(state, name) for name in Burn.model_fields}
        return cls(
            **figures,
            service_name=service.name,
            tier=service.tier,
            owner=service.owner,
            slo_name=state.slo_name,
            objective=worst.objective,
            window_days=worst.window_days,
            budget_slo_name=least.name,
            budget_window_days=least.window_days,
            slo_count=len(state.slos),
            default_slo=worst.default,
            bad_events_left=least.bad_events_left if least.total else None,
            coverage_ratio=min(slo.recent.coverage_ratio for slo in state.slos),
            timestamp=state.timestamp,
            newest_at=state.newest_at,
            snapshot_id=state.snapshot_id,
            forecast=OverviewForecast.model_validate(forecast),
            decision=gate,
            hourly_burn_rates=hourly.rates.get(service.name, [None] * HOURS_SHOWN),
            hourly_burn_rates_least=hourly.least.get(service.name),
        )


class OverviewAnswer(BaseModel):
    """All services in use, by name."""

    hours_end: list[int] = Field(
        description="Ends of the last hours in seconds since 1970, rising; the last one is running"
    )
    services: list[OverviewRow]
