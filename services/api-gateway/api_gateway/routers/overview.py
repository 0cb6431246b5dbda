"""/api/overview: all services at once, as a list or a wall of screens shows them."""

from fastapi import APIRouter, Request, Response

from api_gateway.gateway import GatewayParts
from api_gateway.overview_schemas import OverviewAnswer
from api_gateway.ready_bytes import UNCHANGED, ReadyRoute
from common.problems import responses

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
