"""Burn rates, error budgets and histories over HTTP."""

from datetime import UTC, datetime
from typing import Self

from pydantic import BaseModel, Field

from api_gateway.burn.history import Point
from api_gateway.catalog.schemas import TargetFields
from api_gateway.http.types import Answer, Instant
from common.slo.vocabulary import DataStatus, RiskLevel

_UNCERTAIN = (
    "Of the bad ones, those that may be good: they lie in a histogram bucket that straddles the "
    "target's threshold"
)


class WindowRateAnswer(Answer):
    """One burn window: its length, its counts, its burn rate (a multiple of 1)."""

    window_seconds: int
    total: int
    bad: int
    burn_rate: float
    uncertain: int = Field(description=_UNCERTAIN)
    coverage_ratio: float = Field(
        description="Share of the service's requests in the window that are certainly good or "
        "certainly bad; below 0.99 in the shortest window the gate warns"
    )


class BurnPairAnswer(Answer):
    """Two windows of the SRE workbook; `burn_rate` is the lesser of their burn rates."""

    long_seconds: int
    short_seconds: int
    threshold: float
    burn_rate: float
    bad: int | None = Field(description="Bad events of the long window")


class IngestCountersAnswer(Answer):
    """What was odd about the service's events since it was first seen."""

    duplicates: int
    event_id_conflicts: int
    unidentified: int
    misrouted: int


class Burn(Answer):
    """Burn rates are multiples of 1; budgets are ratios, remaining is negative when overspent."""

    burn_rate_5m: float
    burn_rate_1h: float
    burn_rate_24h: float
    composite_burn_rate: float
    error_budget_consumed: float
    error_budget_remaining: float
    risk_level: RiskLevel
    risk_capped: bool = Field(
        description="The level would be graver, but fewer than `min_bad_events` are behind it"
    )
    data_status: DataStatus


class _SloIdentity(Burn):
    id: int | None


class SloStatusAnswer(TargetFields, _SloIdentity):
    """One objective; `total` and `bad` over its SLO window. The default one has no id."""

    default: bool
    revision: int
    total: int
    bad: int
    bad_events_left: int = Field(
        description="How many more requests may be bad; negative once more were than may be"
    )
    uncertain: int = Field(description=_UNCERTAIN)
    composite_burn_rate_least: float | None = Field(
        description="If nothing uncertain was bad; null where nothing is uncertain"
    )
    error_budget_remaining_most: float | None = Field(
        description="If nothing uncertain was bad; null where nothing is uncertain"
    )
    reported_seconds: int | None = Field(
        description="The hours of the SLO window in which the service reported; null while unknown"
    )
    coverage_ratio: float = Field(
        description="Share of the SLO window that was reported, multiplied by the share of its "
        "requests that are certainly good or certainly bad"
    )
    windows: dict[str, WindowRateAnswer]
    burn_pairs: list[BurnPairAnswer]


class HistoryPoint(Burn):
    """A service's burn at a past instant."""

    service_name: str
    timestamp: Instant
    short_window_seconds: int
    total: int = Field(description="Requests in the step that ends here")
    bad: int = Field(description="Bad requests in the step that ends here")

    @classmethod
    def of(cls, service_name: str, point: Point, counts: tuple[int, int]) -> Self:
        """Return the answer for a point, with the counts of its step."""
        return cls(
            **{name: getattr(point, name) for name in Burn.model_fields},
            service_name=service_name,
            timestamp=datetime.fromtimestamp(point.at, UTC),
            short_window_seconds=point.short_window_seconds,
            total=counts[0],
            bad=counts[1],
        )


class PreviewAnswer(BaseModel):
    """A budget as it would stand now, and for how long each risk level would have held."""

    total: int
    bad: int
    error_budget_consumed: float
    error_budget_remaining: float
    composite_burn_rate: float
    risk_level: RiskLevel
    reported_seconds: int = Field(description="For how long there are reports in the window")
    level_seconds: dict[RiskLevel, int]


class BurnRateSnapshotAnswer(Burn):
    """A service's burn, that of its worst objective. What nobody has computed yet is null."""

    service_name: str
    timestamp: Instant = Field(description="When it was computed")
    slo_id: int | None = Field(description="The worst objective; null for the default one")
    slo_name: str
    applied_through: Instant | None = Field(
        description="Everything that the broker took before this instant is in the figures"
    )
    newest_at: Instant | None = Field(description="Timestamp of the newest event")
    resolution_seconds: int | None
    short_window_seconds: int | None
    stale_after_seconds: int | None
    shard: int | None
    epoch: int | None
    command_id: str | None
    counters: IngestCountersAnswer


class SloReport(BurnRateSnapshotAnswer):
    """A service with all of its objectives."""

    slos: list[SloStatusAnswer]


class BurnHistory(BaseModel):
    """Points at multiples of `step_seconds`, oldest first, and the newest snapshot."""

    service_name: str
    slo_id: int | None = Field(description="The objective the points are held against")
    slo_name: str
    step_seconds: int
    points: list[HistoryPoint]
    current: BurnRateSnapshotAnswer
