"""/api/forecast: when the error budgets are spent, and when they come back."""

from typing import Annotated

from fastapi import Query

from api_gateway.forecast.schemas import ForecastAnswer
from api_gateway.http.operations import Operations
from api_gateway.http.problems import invalid
from api_gateway.projections.forecasts import ForecastState
from api_gateway.projections.handlers import Projections
from api_gateway.routers.dependencies import CatalogService, ExistingService, ServerClock, provided
from common.events import SloForecast
from common.http.problems import responses

router = Operations(prefix="/api/forecast", tags=["forecast"])

KnownResults = Annotated[Projections, provided(Projections)]

SloQuery = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=128,
        description="An SLO target's id or name; default: the one that is spent first",
    ),
]


@router.get(
    "/{service_name}", summary="When the error budget is spent", responses=responses(404, 422)
)
async def get_forecast(
    catalog: CatalogService,
    known: KnownResults,
    clock: ServerClock,
    service: ExistingService,
    slo: SloQuery = None,
) -> ForecastAnswer:
    """The newest forecast of a service; without counts, one that says so."""
    now, targets = clock(), await catalog.targets(service.name)
    state = known.forecasts.state(known.snapshots.state(service.name, targets, now), now)
    return ForecastAnswer.of(state, _chosen(state, slo))


def _chosen(state: ForecastState, asked: str | None) -> SloForecast:
    """Return the objective asked for by id or name; an id goes before a name that looks like it."""
    if asked is None:
        return state.first_spent
    for slo in state.slos:
        if slo.id is not None and str(slo.id) == asked:
            return slo
    for slo in state.slos:
        if slo.name == asked:
            return slo
    known = ", ".join(slo.name for slo in state.slos)
    detail = f"is no id or name of a target of `{state.service_name}`; it has: {known}"
    raise invalid("slo", "unknown_target", detail)
