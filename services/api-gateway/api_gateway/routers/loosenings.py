"""/api/loosenings: what was promised milder of late, by whom and why; approving and undoing it."""

from typing import Annotated

from fastapi import Path, Query

from api_gateway.http.operations import Operations
from api_gateway.http.pagination import LARGEST_ID, LongIdPage
from api_gateway.http.types import Actor, Statement
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.repository import LooseningQuery
from api_gateway.loosening.schemas import MAY_WAIT, LooseningAnswer
from api_gateway.reviews.service import LooseningService
from api_gateway.routers.dependencies import CatalogService, ServerClock, provided
from common.events import LooseningState
from common.http.problems import responses

router = Operations(prefix="/api/loosenings", tags=["loosenings"])

Loosenings = Annotated[LooseningService, provided(LooseningService)]
LooseningPath = Annotated[int, Path(ge=1, le=LARGEST_ID, description="A loosening's id")]


@router.get("", summary="Loosened promises, newest first", responses=responses(404))
async def list_loosenings(  # noqa: PLR0913, PLR0917 - the query's parameters
    loosenings: Loosenings,
    catalog: CatalogService,
    clock: ServerClock,
    page: LongIdPage,
    service: Annotated[str | None, Query(description="Only what is about this service")] = None,
    state: Annotated[LooseningState | None, Query(description="Only in this state")] = None,
) -> list[LooseningAnswer]:
    """Changes that made a promise milder: of targets, policies, rules, silences, services."""
    if service is not None:
        await catalog.service(service)
    query = LooseningQuery(page.after or LARGEST_ID, page.fetch_limit, service, state)
    found, now = await loosenings.all(query), clock()
    return [LooseningAnswer.of(one, now) for one in page.cut(found, lambda one: [one.id])]


@router.get("/{id}", summary="One loosened promise", responses=responses(404, 422))
async def get_loosening(
    loosenings: Loosenings,
    clock: ServerClock,
    id: LooseningPath,  # noqa: A002 - the path's word
) -> LooseningAnswer:
    """A loosening, also one that has ended."""
    return LooseningAnswer.of(await loosenings.one(id), clock())


@router.post("/{id}/approve", summary="Approve a loosening", responses=responses(404, 409))
async def approve_loosening(
    loosenings: Loosenings,
    clock: ServerClock,
    id: LooseningPath,  # noqa: A002 - the path's word
    by: Actor,
) -> LooseningAnswer:
    """Put in force what waits, as the second person."""
    now = clock()
    return LooseningAnswer.of(await loosenings.approve(id, by.actor, now), now)


@router.post(
    "/{id}/undo",
    summary="Undo a loosening",
    responses={**MAY_WAIT, **responses(403, 404, 409)},
)
async def undo_loosening(
    loosenings: Loosenings,
    clock: ServerClock,
    id: LooseningPath,  # noqa: A002 - the path's word
    by: Statement,
) -> LooseningAnswer:
    """Put back what was promised before; the gate names it no more. Withdraw one that waits."""
    now = clock()
    return LooseningAnswer.of(await loosenings.undo(id, Terms(by.reason, by.actor), now), now)
