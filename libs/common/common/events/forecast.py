"""What forecast publishes: when each budget will be spent, and when it comes back."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct

from common.events.burnrate import SloStatus
from common.events.fields import BurnRate, Instant, Ratio, ServiceName
from common.slo.vocabulary import DataStatus

Trend = Literal["increasing", "decreasing", "stable"]
Confidence = Literal["high", "medium", "low"]
ForecastStatus = Literal["known", "no_data", "catching_up", "pending"]
"""Whether the figures are known: a time of None means "not within the window" only if they are.

`no_data`: nothing has been reported; `catching_up`: the forecast's counts are not yet those of the
snapshot; `pending`: none has been made for this revision of the target.
"""
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
    `error_budget_remaining_most` is what is left if nothing uncertain was bad, as the snapshot has
    it: all other figures take what is uncertain for bad.
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
    forecast_status: ForecastStatus = "known"
    error_budget_remaining_most: Ratio | None = None

    @classmethod
    def unknown(
        cls, slo: SloStatus, model: str, status: ForecastStatus, reason: str, message: str
    ) -> Self:
        """Return what can be said of an objective that is not looked ahead, and why it is not."""
        return cls(
            id=slo.id,
            name=slo.name,
            default=slo.default,
            model=model,
            time_to_exhaustion_hours=None,
            projected_exhaustion_time=None,
            p10_hours=None,
            p50_hours=None,
            p90_hours=None,
            burn_rate_trend="stable",
            confidence_level="low",
            confidence_reason=reason,
            forecast_message=message,
            data_points_used=0,
            current_burn_rate=slo.composite_burn_rate,
            error_budget_remaining=slo.error_budget_remaining,
            error_budget_remaining_most=slo.error_budget_remaining_most,
            slope_per_hour=0.0,
            fit_ratio=0.0,
            unblocked_at=None,
            unblocked_at_present_rate=None,
            data_status=slo.data_status,
            models=(),
            revision=slo.revision,
            forecast_status=status,
        )

    @classmethod
    def unreported(cls, service_name: str, slo: SloStatus, model: str) -> Self:
        """Return what can be said of an objective without counts: that there are none."""
        message = (
            f"Nothing has been reported for {service_name} ({slo.name}) yet, so there is nothing "
            "to forecast from."
        )
        return cls.unknown(slo, model, "no_data", "nothing has been reported", message)


class ServiceForecast(Struct, frozen=True, tag_field="type", tag="service_forecast"):
    """A service's objectives looked ahead, in the order of its targets.

    Of two forecasts of a service the one with the greater (epoch, evaluated_at) holds.
    """

    service_name: ServiceName
    shard: int
    epoch: int
    evaluated_at: Instant
    data_status: DataStatus
    slos: tuple[SloForecast, ...]


def first_spent(slos: Sequence[SloForecast]) -> SloForecast:
    """Return the objective whose budget is spent first, of at least one.

    One that is not known yet comes before those that are not spent within their window, of which
    it is the worst.
    """

    def order(slo: SloForecast) -> tuple[float, bool, float, float, str]:
        hours = slo.time_to_exhaustion_hours
        return (
            float("inf") if hours is None else hours,
            slo.forecast_status in {"known", "no_data"},
            -slo.current_burn_rate,
            slo.error_budget_remaining,
            slo.name,
        )

    return min(slos, key=order)
