"""/api/changes: what was changed about the services, and when."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query

from api_gateway.http.operations import Operations
from api_gateway.http.pagination import Page, page_of
from api_gateway.http.time_range import FromQuery, ToQuery, instants
from api_gateway.release.domain import ChangeQuery
from api_gateway.release.repository import ResultStore
from api_gateway.release.schemas import ChangeAnswer
from api_gateway.routers.dependencies import CatalogService, ServerClock, provided
from common.config.clock import from_micros, to_micros
from common.events import ChangeKind
from common.http.problems import responses

router = Operations(prefix="/api/changes", tags=["changes"])

Results = Annotated[ResultStore, provided(ResultStore)]

ChangeKey = tuple[datetime, bytes]


def _change_key(parts: Any) -> ChangeKey:
    micros, identity = parts
    if type(micros) is not int or not 0 < micros < to_micros(datetime.max.replace(tzinfo=UTC)):
        raise ValueError(micros)
    return from_micros(micros), bytes.fromhex(identity)


ChangePage = Annotated[Page[ChangeKey], Depends(page_of(_change_key))]


@router.get("", summary="Changes, newest first", responses=responses(404))
async def list_changes(  # noqa: PLR0913, PLR0917 - the query's parameters
    catalog: CatalogService,
    results: Results,
    clock: ServerClock,
    page: ChangePage,
    service: Annotated[str | None, Query(description="Only of this service")] = None,
    kind: Annotated[
        list[ChangeKind] | None, Query(description="Only of these kinds; default all, with notes")
    ] = None,
    from_: FromQuery = None,
    to: ToQuery = None,
) -> list[ChangeAnswer]:
    """Deployments, rollbacks and other changes that took effect in a span of time, and notes."""
    if service is not None:
        await catalog.service(service)
    since, until = instants(from_, to, clock())
    async with results.read() as reader:
        found = await reader.changes(
            ChangeQuery(service, since, until, page.after, page.fetch_limit, kind)
        )
    shown = page.cut(found, lambda c: [to_micros(c.event.at), c.identity.hex()])
    return [ChangeAnswer.of(change) for change in shown]
