"""The executive view over HTTP: totals, narratives, and the heat map."""

from typing import Literal

from pydantic import BaseModel, Field

from api_gateway.catalog.domain import Tier
from api_gateway.http.types import IfGood, Instant
from api_gateway.narrative.schemas import InsightAnswer, NarrativeAnswer
from common.slo.vocabulary import DataStatus, RiskLevel


class ServiceSummary(NarrativeAnswer):
    """AI insights on a service: a narrative, its facts, and what to do."""

    service_name: str
    insights: list[InsightAnswer]
    risk_level: RiskLevel
    data_status: DataStatus
    figures_at: Instant = Field(description="When the figures that it speaks of were computed")
    snapshot_id: str | None = Field(description="The snapshot that they are of")
    decision_id: str | None = Field(description="The gate's decision that it speaks of, if any")


class Totals(BaseModel):
    """How many there are."""

    services: int
    slos: int


class Compliance(BaseModel):
    """Services that keep within their error budget, of those whose figures are of now."""

    within_budget: int
    judged: int
    ratio: float | None = Field(description="null while none can be judged")


class LowBudget(BaseModel):
    """A service with little budget left (a ratio, negative when overspent)."""

    service_name: str
    tier: Tier
    risk_level: RiskLevel
    slo_name: str
    error_budget_remaining: float
    error_budget_remaining_most: IfGood


class NearExhaustion(BaseModel):
    """A service whose budget is forecast to be spent."""

    service_name: str
    tier: Tier
    time_to_exhaustion_hours: float
    projected_exhaustion_time: Instant | None
    confidence_level: Literal["high", "medium", "low"]


class ActiveAlerts(BaseModel):
    """Alerts that are not resolved, by severity."""

    total: int
    page: int
    ticket: int
    info: int
    status: Literal["ok", "lagging"] = Field(
        description="`lagging`: these are the last ones that are known; others may have begun"
    )
    confirmed_at: Instant | None = Field(description="Until when they are known; null: never")


class ChangeSummary(BaseModel):
    """Something that was changed; `version` as its sender wrote it."""

    service_name: str
    kind: str
    version: str
    at: Instant


class FleetFigures(BaseModel):
    """The figures of all services."""

    totals: Totals
    services_by_risk_level: dict[RiskLevel, int] = Field(
        description="Of the services whose figures are of now"
    )
    services_unknown: int = Field(description="Services whose figures are missing or old")
    compliance: Compliance
    lowest_budgets: list[LowBudget]
    nearest_exhaustion: list[NearExhaustion]
    active_alerts: ActiveAlerts
    blocked_releases: list[str] = Field(description="Services whose feature releases are blocked")
    overridden_releases: list[str] = Field(
        description="Services where a person has decided on feature releases, and not the gate"
    )
    changes_since_yesterday: int
    changes_read_at: Instant | None = Field(
        description="When the changes were last read; null: the database has not answered yet"
    )
    latest_changes: list[ChangeSummary]


class Summary(FleetFigures, NarrativeAnswer):
    """All services in one view."""


class Cell(BaseModel):
    """A service in one span of time; null where there were no requests."""

    burn_rate: float = Field(description="Of the cell's worst hour")
    burn_rate_least: IfGood
    risk_level: RiskLevel


class HeatmapRow(BaseModel):
    """A service's cells, oldest first."""

    service_name: str
    tier: Tier
    worst_burn_rate: float | None
    cells: list[Cell | None]


class Heatmap(BaseModel):
    """Services by time, worst first. `capped` says that only the worst ones are shown."""

    step_seconds: int
    ends: list[Instant] = Field(description="End of each cell; the last one may be running")
    services: list[HeatmapRow]
    services_total: int
    capped: bool
    generated_at: Instant
