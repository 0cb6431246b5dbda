"""/api/summary: the executive view, and AI insights on every service."""

from typing import Annotated

from fastapi import Query, Request, Response

from api_gateway.http.operations import Operations
from api_gateway.http.pagination import DEFAULT_LIMIT, MAX_LIMIT
from api_gateway.http.response_cache import UNCHANGED, ReadyRoute
from api_gateway.http.time_range import FromQuery, ToQuery, span
from api_gateway.routers.dependencies import Cached, ExistingService, ServerClock, provided
from api_gateway.summary.schemas import Heatmap, ServiceSummary, Summary
from api_gateway.summary.service import Summaries
from common.http.problems import responses

router = Operations(prefix="/api/summary", tags=["summary"], route_class=ReadyRoute)

AllSummaries = Annotated[Summaries, provided(Summaries)]


@router.get("", summary="All services in one view", response_model=Summary, responses=UNCHANGED)
async def get_summary(summaries: AllSummaries, cached: Cached, request: Request) -> Response:
    """Totals, services by risk level, what stands out, and a narrative of it."""
    return await cached.answer(request, summaries.fleet)


@router.get(
    "/heatmap",
    summary="Risk of all services over time",
    response_model=Heatmap,
    responses={**UNCHANGED, **responses(422)},
)
async def get_risk_heatmap(  # noqa: PLR0913, PLR0917 - the query's parameters
    summaries: AllSummaries,
    cached: Cached,
    clock: ServerClock,
    request: Request,
    from_: FromQuery = None,
    to: ToQuery = None,
    step: Annotated[
        str,
        Query(
            max_length=16,
            description="As `1h`; coarsened to whole hours, and to at most 200 cells",
        ),
    ] = "1h",
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="Services in the answer, the worst ones")
    ] = DEFAULT_LIMIT,
) -> Response:
    """Each service's worst burn rate by time, worst services first."""
    asked = span(from_, to, step, clock())
    return await cached.answer(request, lambda: summaries.heatmap(asked, limit))


@router.get(
    "/{service_name}",
    summary="AI insights on a service",
    response_model=ServiceSummary,
    responses={**UNCHANGED, **responses(404)},
)
async def get_service_summary(
    summaries: AllSummaries, cached: Cached, service: ExistingService, request: Request
) -> Response:
    """What is wrong, since when, how sure that is, and what to do; each figure is a fact."""
    return await cached.answer(request, lambda: summaries.service(service))
