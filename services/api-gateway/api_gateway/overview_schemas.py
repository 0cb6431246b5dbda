"""The overview over HTTP: every service with the figures that one line of a list shows."""

from typing import Self

from pydantic import BaseModel, Field

from api_gateway.burn_schemas import Burn
from api_gateway.domain import Service, Tier
from api_gateway.schemas import Instant
from api_gateway.state import ServiceState


class OverviewRow(Burn):
    """A service in one line; burn rates and budgets are those of its worst objective."""

    service_name: str
    tier: Tier
    owner: str
    slo_name: str
    objective: float
    window_days: int
    slo_count: int = Field(description="How many objectives the service has, the default included")
    default_slo: bool = Field(description="No target has been set, so the default one is used")
    bad_events_left: int | None = Field(
        description="Bad events until the budget is spent, at the traffic of the SLO window; "
        "negative when overspent, null while nothing is known"
    )
    timestamp: Instant
    newest_at: Instant | None
    hourly_burn_rates: list[float | None] = Field(
        description="Of each hour in `hours_end`; null where nothing was requested or reported"
    )

    @classmethod
    def of(cls, service: Service, state: ServiceState, rates: list[float | None]) -> Self:
        """Return the line of a service."""
        worst = next(slo for slo in state.slos if slo.id == state.slo_id)
        allowed = (1 - worst.objective) * worst.total
        return cls(
            service_name=service.name,
            tier=service.tier,
            owner=service.owner,
            data_status=state.data_status,
            risk_level=state.risk_level,
            risk_capped=state.risk_capped,
            burn_rate_5m=state.burn_rate_5m,
            burn_rate_1h=state.burn_rate_1h,
            burn_rate_24h=state.burn_rate_24h,
            composite_burn_rate=state.composite_burn_rate,
            error_budget_consumed=state.error_budget_consumed,
            error_budget_remaining=state.error_budget_remaining,
            slo_name=state.slo_name,
            objective=worst.objective,
            window_days=worst.window_days,
            slo_count=len(state.slos),
            default_slo=worst.default,
            bad_events_left=round(allowed - worst.bad) if worst.total else None,
            timestamp=state.timestamp,
            newest_at=state.newest_at,
            hourly_burn_rates=rates,
        )


class OverviewAnswer(BaseModel):
    """All services in use, by name, up to 2 000 of them."""

    hours_end: list[int] = Field(
        description="Ends of the last hours in seconds since 1970, rising; the last one is running"
    )
    services: list[OverviewRow]
