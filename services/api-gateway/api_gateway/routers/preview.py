"""/api/slo/{service_name}/preview: what a target would have meant, before it is set."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, WithJsonSchema

from api_gateway.burn.preview import preview_target
from api_gateway.http.problems import invalid
from api_gateway.http.types import Answer
from api_gateway.routers.dependencies import ExistingService, GatewayParts
from common.http.problems import responses
from common.slo.vocabulary import WINDOW_DAYS, RiskLevel

OPEN_RATIO = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}

router = APIRouter(prefix="/api/slo", tags=["slo"])


class PreviewAnswer(Answer):
    """A budget as it would stand now, and for how long each risk level would have held."""

    total: int
    bad: int
    error_budget_consumed: float
    error_budget_remaining: float
    composite_burn_rate: float
    risk_level: RiskLevel
    reported_seconds: int = Field(description="For how long there are reports in the window")
    level_seconds: dict[RiskLevel, int]


class Preview(BaseModel):
    """The question and the answer."""

    service_name: str
    objective: float
    window_days: int
    threshold_seconds: float | None
    would_be: PreviewAnswer


@router.get(
    "/{service_name}/preview",
    summary="What a target would have meant",
    responses=responses(404, 422, 503),
)
async def preview_slo_target(
    gateway: GatewayParts,
    service: ExistingService,
    objective: Annotated[
        Decimal, Query(gt=0, lt=1, description="A ratio, as 0.9995"), WithJsonSchema(OPEN_RATIO)
    ],
    window_days: Annotated[
        int, Query(description="Days", json_schema_extra={"enum": list(WINDOW_DAYS)})
    ] = 30,
    threshold_seconds: Annotated[
        float | None, Query(gt=0, le=3600, description="Latency: a bound of the histograms")
    ] = None,
) -> Preview:
    """Hold the stored counts against an objective that need not exist; nothing is changed."""
    if window_days not in WINDOW_DAYS:
        known = ", ".join(str(days) for days in WINDOW_DAYS)
        raise invalid("window_days", "invalid_window", f"must be one of {known}")
    found = await preview_target(
        gateway.counts, service.name, objective, window_days, threshold_seconds, gateway.clock()
    )
    return Preview(
        service_name=service.name,
        objective=float(objective),
        window_days=window_days,
        threshold_seconds=threshold_seconds,
        would_be=PreviewAnswer.model_validate(found),
    )
