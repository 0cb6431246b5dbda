"""What forecast publishes: when each budget will be spent, and when it comes back."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from common.events.fields import BurnRate, Instant, Ratio, ServiceName
from common.slo.vocabulary import DataStatus

Trend = Literal["increasing", "decreasing", "stable"]
Confidence = Literal["high", "medium", "low"]
Hours = Annotated[float, Meta(ge=0, description="Hours from `evaluated_at`")]


class Exhaustion(Struct, frozen=True):
    """When a model expects the budget to be spent; None: not within the SLO window."""

    model: str
    hours: Hours | None


class SloForecast(Struct, frozen=True):
    """One objective looked ahead; `time_to_exhaustion_hours` is P50 of the model named.

    It is for the target's `revision`; 0 is the default one's.

    `slope_per_hour` is the change of the burn rate in an hour, `fit_ratio` the share of the burn
    rate's variance that the regression explains. `unblocked_at` is when whatever blocks releases
    now (level or spent budget) ends if no more errors come, `unblocked_at_present_rate` the same
    at the present error rate; None where nothing blocks or no end is in sight.
    """

    id: int | None
    name: str
    default: bool
    model: str
    time_to_exhaustion_hours: Hours | None
    projected_exhaustion_time: Instant | None
    p10_hours: Hours | None
    p50_hours: Hours | None
    p90_hours: Hours | None
    burn_rate_trend: Trend
    confidence_level: Confidence
    confidence_reason: str
    forecast_message: str
    data_points_used: int
    current_burn_rate: BurnRate
    error_budget_remaining: Ratio
    slope_per_hour: float
    fit_ratio: Ratio
    unblocked_at: Instant | None
    unblocked_at_present_rate: Instant | None
    data_status: DataStatus
    models: tuple[Exhaustion, ...]
    revision: int = 0


class ServiceForecast(Struct, frozen=True, tag_field="type", tag="service_forecast"):
    """A service's objectives looked ahead; the first of `slos` is spent first.

    Of two forecasts of a service the one with the greater (epoch, evaluated_at) holds.
    """

    service_name: ServiceName
    shard: int
    epoch: int
    evaluated_at: Instant
    data_status: DataStatus
    slos: tuple[SloForecast, ...]
