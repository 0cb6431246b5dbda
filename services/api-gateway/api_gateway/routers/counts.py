"""/api/counts: what every objective counted over a span."""

from typing import Annotated

from fastapi import Query

from api_gateway.burn.schemas import SpanTotals
from api_gateway.burn.totals import Totals
from api_gateway.http.operations import Operations
from api_gateway.http.time_range import STEP_DEFAULT, FromQuery, ToQuery, span
from api_gateway.http.types import Text
from api_gateway.routers.dependencies import ServerClock, provided
from common.http.problems import responses

router = Operations(prefix="/api/counts", tags=["burn"])

SpanCounts = Annotated[Totals, provided(Totals)]


@router.get("", summary="Requests and bad ones of a span", responses=responses(422))
async def get_counts(
    totals: SpanCounts,
    clock: ServerClock,
    from_: FromQuery = None,
    to: ToQuery = None,
    service: Annotated[Text | None, Query(max_length=63, description="Only of this one")] = None,
) -> SpanTotals:
    """Every objective of the services in use; a history's steps of the same span count as much."""
    now = clock()
    asked = span(from_, to, STEP_DEFAULT, now)
    return await totals.of_span(asked.since, asked.until, service, now)
