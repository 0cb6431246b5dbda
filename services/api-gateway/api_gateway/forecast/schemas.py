"""Forecasts over HTTP."""

from typing import Self

from pydantic import Field

from api_gateway.http.types import Answer, Instant
from api_gateway.projections.forecasts import ForecastState
from common.events import Confidence, ForecastStatus, SloForecast, Trend
from common.slo.vocabulary import DataStatus


class ModelAnswer(Answer):
    """When one model expects the budget to be spent."""

    model: str
    hours: float | None = Field(ge=0, description="null: not within the SLO window")


class ForecastFigures(Answer):
    """The forecast of an objective. Hours are from `evaluated_at`.

    null: not within its window, as long as `forecast_status` is `known`.
    """

    time_to_exhaustion_hours: float | None = Field(
        ge=0,
        description="When the budget is spent, P50; null: not within the SLO window where "
        "`forecast_status` is `known`, else not known",
    )
    forecast_status: ForecastStatus = Field(
        description="`known`; or why nothing is: `no_data`, nothing has been reported; "
        "`catching_up`, counts that have just been taken in are being read; `pending`, none has "
        "been made yet"
    )
    projected_exhaustion_time: Instant | None
    burn_rate_trend: Trend = Field(description="`stable` within a dead band about no slope")
    confidence_level: Confidence
    forecast_message: str
    data_points_used: int = Field(ge=0, description="Half hours with requests, of the last day")
    model: str = Field(description="The model that made the published figures")
    p10_hours: float | None = Field(ge=0, description="One in ten budgets is spent earlier")
    p50_hours: float | None = Field(ge=0)
    p90_hours: float | None = Field(ge=0, description="One in ten budgets is spent later")
    confidence_reason: str
    current_burn_rate: float = Field(description="The composite burn rate, a multiple of 1")
    error_budget_remaining: float = Field(description="A ratio; negative when overspent")
    error_budget_remaining_most: float | None = Field(
        description="If nothing uncertain was bad, which all other figures take for bad; null "
        "where nothing is uncertain"
    )
    slope_per_hour: float = Field(description="Change of the burn rate in an hour")
    fit_ratio: float = Field(
        ge=0, le=1, description="Share of the burn rate's variance that the line explains"
    )
    unblocked_at: Instant | None = Field(
        description="When a frozen level or a spent budget ends if no more errors come; null: "
        "nothing blocks, or no end is foreseen"
    )
    unblocked_at_present_rate: Instant | None = Field(
        description="The same at the error rate of the shortest window"
    )
    data_status: DataStatus
    models: list[ModelAnswer] = Field(description="What each model says, for comparison")


class SloForecastAnswer(ForecastFigures):
    """The forecast of an objective; the default one has no id."""

    id: int | None
    name: str
    default: bool
    revision: int


class ForecastAnswer(ForecastFigures):
    """A service's forecast: that of the budget that is spent first, and all of them in `slos`."""

    service_name: str
    slo_id: int | None = Field(description="The objective the figures are of; null: the default")
    slo_name: str
    evaluated_at: Instant
    slos: list[SloForecastAnswer]

    @classmethod
    def of(cls, state: ForecastState, chosen: SloForecast) -> Self:
        """Return the answer for a service, with the figures of one of its objectives in front."""
        slos = [SloForecastAnswer.model_validate(slo) for slo in state.slos]
        figures = ForecastFigures.model_validate(chosen)
        return cls(
            **dict(figures),
            service_name=state.service_name,
            slo_id=chosen.id,
            slo_name=chosen.name,
            evaluated_at=state.evaluated_at,
            slos=slos,
        )
