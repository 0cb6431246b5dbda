"""Burn rates, error budgets and histories over HTTP."""

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from api_gateway.burn.history import Point
from api_gateway.catalog.schemas import TargetFields
from api_gateway.http.types import Answer, IfGood, Instant
from api_gateway.projections.service_status import ServiceState
from common.events import GateDecision, SloStatus
from common.slo.vocabulary import DataStatus, RiskLevel

BurnWindow = Literal["5m", "1h", "24h"]
_UNCERTAIN = (
    "Of the bad ones, those that may be good: they lie in a histogram bucket that straddles the "
    "target's threshold"
)


def from_seconds(at: int) -> datetime:
    """Return the instant of whole seconds since 1970."""
    return datetime.fromtimestamp(at, UTC)


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
    burn_rate_least: IfGood


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
    composite_burn_rate_least: IfGood
    error_budget_consumed: float
    error_budget_remaining: float
    error_budget_remaining_most: IfGood
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
    """A service's burn at an instant: at the end of a step."""

    service_name: str
    timestamp: Instant
    short_window_seconds: int
    step_seconds: int = Field(description="How long the step is that ends here")
    partial: bool = Field(
        description="The span begins or ends within this step, which is shorter than the others"
    )
    coarse_windows: tuple[BurnWindow, ...] = Field(
        description="Windows that begin at a full hour, or are an hour long, because only hours "
        "are kept where they begin"
    )
    total: int = Field(description="Requests in the step that ends here")
    bad: int = Field(description="Bad requests in the step that ends here")
    uncertain: int = Field(description="Of the bad ones, those that may be good")

    @classmethod
    def of(
        cls,
        service_name: str,
        point: Point,
        counts: tuple[int, int, int],
        step_seconds: int,
        *,
        partial: bool,
    ) -> Self:
        """Return the answer for a point, with the length and the counts of its step."""
        return cls(
            **{name: getattr(point, name) for name in Burn.model_fields},
            coarse_windows=point.coarse_windows,
            service_name=service_name,
            timestamp=from_seconds(point.at),
            short_window_seconds=point.short_window_seconds,
            step_seconds=step_seconds,
            partial=partial,
            total=counts[0],
            bad=counts[1],
            uncertain=counts[2],
        )


class PreviewAnswer(BaseModel):
    """A budget as it would stand now, and for how long each risk level would have held.

    Hours without a report count for no level.
    """

    total: int = Field(description="Requests of the SLO window, as live figures count it")
    bad: int
    uncertain: int = Field(description=_UNCERTAIN)
    error_budget_consumed: float
    error_budget_remaining: float
    error_budget_remaining_most: IfGood
    composite_burn_rate: float
    composite_burn_rate_least: IfGood
    risk_level: RiskLevel | None = Field(
        description="Null where the figures say nothing about the present"
    )
    data_status: DataStatus = Field(
        description="As of now; `no_data` too where nothing was reported for 24 hours"
    )
    reported_seconds: int = Field(description="For how long there are reports in the window")
    coverage_ratio: float = Field(description="The share of the window that was reported")
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
    newest_at: Instant | None = Field(
        description="Timestamp of the newest event, of those who report as usual"
    )
    resolution_seconds: int | None
    short_window_seconds: int | None
    stale_after_seconds: int | None
    shard: int | None
    epoch: int | None
    command_id: str | None
    snapshot_id: str | None = Field(description="Names the figures among those of the service")
    counters: IngestCountersAnswer


class SloReport(BurnRateSnapshotAnswer):
    """A service with all of its objectives."""

    decision_id: str | None = Field(description="The gate's newest decision; null without one")
    slos: list[SloStatusAnswer]

    @classmethod
    def of(cls, state: ServiceState, decision: GateDecision | None) -> Self:
        """Return the answer for a service as it stands."""
        own = {name: getattr(state, name) for name in cls.model_fields if name != "decision_id"}
        decision_id = None if decision is None else decision.decision_id
        return cls.model_validate({**own, "decision_id": decision_id})


class BurnHistory(BaseModel):
    """Steps that end at multiples of `step_seconds` or with the span, and the newest snapshot.

    They are in order, oldest first, and what they count together is what the span counts.
    """

    service_name: str
    slo_id: int | None = Field(description="The objective the points are held against")
    slo_name: str
    indicator: str = Field(description="Whose counts these are")
    since: Instant = Field(description="Where the first step begins: a full minute or hour")
    until: Instant = Field(description="Where the last step ends")
    step_seconds: int
    points: list[HistoryPoint]
    current: BurnRateSnapshotAnswer


class SloTotals(BaseModel):
    """What an objective counted over a span, and what is left of its budget now."""

    id: int | None = Field(description="Null for the default one")
    name: str
    objective: float
    window_days: int
    error_budget_remaining: float
    error_budget_remaining_most: IfGood
    total: int
    bad: int
    uncertain: int = Field(description=_UNCERTAIN)

    @classmethod
    def of(cls, slo: SloStatus, total: int, bad: int, uncertain: int) -> Self:
        """Return the totals of an objective that stands as the newest snapshot says."""
        counts = {"total": total, "bad": bad, "uncertain": uncertain}
        own = cls.model_fields.keys() - counts.keys()
        return cls(**{name: getattr(slo, name) for name in own}, **counts)


class ServiceTotals(BaseModel):
    """A service's objectives, in the order in which they were made."""

    service_name: str
    slo_id: int | None = Field(description="The worst objective; null for the default one")
    snapshot_id: str | None = Field(description="The snapshot that says what is left now")
    slos: list[SloTotals]


class SpanTotals(BaseModel):
    """What services counted between two instants: full minutes or hours, or now."""

    since: Instant
    until: Instant
    services: list[ServiceTotals]
