"""/api/overview: all services at once, as a list or a wall of screens shows them."""

from fastapi import APIRouter, Request, Response

from api_gateway.http.response_cache import UNCHANGED, ReadyRoute
from api_gateway.overview.schemas import OverviewAnswer
from api_gateway.routers.dependencies import GatewayParts
from common.http.problems import responses

router = APIRouter(prefix="/api/overview", tags=["overview"], route_class=ReadyRoute)


@router.get(
    "",
    summary="Every service in one line",
    response_model=OverviewAnswer,
    responses={**UNCHANGED, **responses(503)},
)
async def get_overview(gateway: GatewayParts, request: Request) -> Response:
    """Newest figures of every service in use, with burn rates of the last 24 hours by hour."""
    return await gateway.ready.answer(request, gateway.overview.make)
