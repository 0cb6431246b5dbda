"""/api/slo/{service_name}/preview: what a target would have meant, before it is set."""

from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field, WithJsonSchema

from api_gateway.burn.history import Objective
from api_gateway.burn.schemas import PreviewAnswer
from api_gateway.burn.service import BurnHistories
from api_gateway.catalog.schemas import INDICATOR, IndicatorName
from api_gateway.http.operations import Operations
from api_gateway.http.problems import invalid
from api_gateway.routers.dependencies import ExistingService, ServerClock, provided
from common.http.problems import responses
from common.slo.streams import DEFAULT_INDICATOR, stream_of
from common.slo.vocabulary import WINDOW_DAYS
from common.slo.wording import implausible

OPEN_RATIO = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}

router = Operations(prefix="/api/slo", tags=["slo"])

Histories = Annotated[BurnHistories, provided(BurnHistories)]


class Preview(BaseModel):
    """The question and the answer."""

    service_name: str
    indicator: str
    objective: float
    window_days: int
    threshold_seconds: float | None
    warning: str | None = Field(
        description="What hardly anybody means: that more requests may fail than must succeed"
    )
    would_be: PreviewAnswer


@router.get(
    "/{service_name}/preview",
    summary="What a target would have meant",
    responses=responses(404, 422),
)
async def preview_slo_target(  # noqa: PLR0913, PLR0917 - the query's parameters
    histories: Histories,
    clock: ServerClock,
    service: ExistingService,
    objective: Annotated[
        Decimal, Query(gt=0, lt=1, description="A ratio, as 0.9995"), WithJsonSchema(OPEN_RATIO)
    ],
    window_days: Annotated[
        int, Query(description="Days", json_schema_extra={"enum": list(WINDOW_DAYS)})
    ] = 30,
    threshold_seconds: Annotated[
        float | None, Query(gt=0, le=3600, description="Latency: best a bound of the histograms")
    ] = None,
    indicator: Annotated[IndicatorName, Query(description=INDICATOR)] = DEFAULT_INDICATOR,
) -> Preview:
    """Hold the stored counts against an objective that need not exist; nothing is changed."""
    if window_days not in WINDOW_DAYS:
        known = ", ".join(str(days) for days in WINDOW_DAYS)
        raise invalid("window_days", "invalid_window", f"must be one of {known}")
    asked = Objective(objective, window_days, min_bad_events=1)
    stream = stream_of(service.name, indicator)
    found = await histories.preview(stream, asked, threshold_seconds, clock())
    return Preview(
        service_name=service.name,
        indicator=indicator,
        objective=float(objective),
        window_days=window_days,
        threshold_seconds=threshold_seconds,
        warning=implausible(objective),
        would_be=found,
    )
