"""/api/overview: all services at once, as a list or a wall of screens shows them."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from api_gateway.gateway import GatewayParts
from api_gateway.overview_schemas import OverviewAnswer
from common.problems import responses

router = APIRouter(prefix="/api/overview", tags=["overview"])


@router.get(
    "",
    summary="Every service in one line",
    response_model=OverviewAnswer,
    responses={304: {"description": "As it was"}, **responses(422, 503)},
)
async def get_overview(
    gateway: GatewayParts,
    if_none_match: Annotated[str | None, Header(max_length=128)] = None,
) -> Response:
    """Newest figures of every service in use, with burn rates of the last 24 hours by hour."""
    ready = await gateway.overview.ready(gateway.clock())
    headers = {"ETag": ready.etag, "Cache-Control": "no-cache"}
    if if_none_match == ready.etag:
        return Response(status_code=304, headers=headers)
    return Response(ready.body, media_type="application/json", headers=headers)
