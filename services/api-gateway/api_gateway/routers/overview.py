"""/api/overview: all services at once, as a list or a wall of screens shows them."""

from typing import Annotated

from fastapi import Request, Response

from api_gateway.http.operations import Operations
from api_gateway.http.response_cache import UNCHANGED, ReadyRoute
from api_gateway.overview.schemas import OverviewAnswer
from api_gateway.overview.service import Overview
from api_gateway.routers.dependencies import Cached, provided

router = Operations(prefix="/api/overview", tags=["overview"], route_class=ReadyRoute)

Overviews = Annotated[Overview, provided(Overview)]


@router.get(
    "", summary="Every service in one line", response_model=OverviewAnswer, responses=UNCHANGED
)
async def get_overview(overview: Overviews, cached: Cached, request: Request) -> Response:
    """Newest figures of every service in use, with burn rates of the last 24 hours by hour."""
    return await cached.answer(request, overview.make)
