"""/api/release/{service_name}/override: what a person decides instead of the gate."""

from datetime import datetime
from typing import Annotated

from fastapi import Header, Path, Response

from api_gateway.http.operations import LOCATION, Operations
from api_gateway.http.pagination import LARGEST_ID, IdPage
from api_gateway.http.types import LINE_PATTERN, Actor, Statement
from api_gateway.policy.overrides import Decided, OverrideService
from api_gateway.policy.schemas import OverrideAnswer, OverrideRequest
from api_gateway.routers.dependencies import ExistingService, ServerClock, provided
from common.http.problems import responses

router = Operations(prefix="/api/release/{service_name}/override", tags=["overrides"])

Overrides = Annotated[OverrideService, provided(OverrideService)]

LATER = {
    "model": OverrideAnswer,
    "description": "Stored; it counts once a second person has approved, or the gate has decided",
    **LOCATION,
}
OverridePath = Annotated[int, Path(ge=1, le=LARGEST_ID, description="An override's id")]
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=LINE_PATTERN,
        description="The same request with the same key is answered with the same override",
    ),
]


@router.post(
    "", status_code=201, summary="Override the gate", responses={202: LATER, **responses(404, 409)}
)
async def create_override(  # noqa: PLR0913, PLR0917 - what it depends on
    overrides: Overrides,
    clock: ServerClock,
    service: ExistingService,
    body: OverrideRequest,
    response: Response,
    idempotency_key: KeyHeader = None,
) -> OverrideAnswer:
    """Decide instead of the gate, for a time. 201: the next GET shows it.

    It takes the place of an override for the same version and class, and ends by itself.
    """
    new = body.new_override(service.name, idempotency_key, clock())
    return _answered(await overrides.create(service, new), response, 201, clock())


@router.get("", summary="A service's overrides, newest first", responses=responses(404))
async def list_overrides(
    overrides: Overrides, clock: ServerClock, service: ExistingService, page: IdPage
) -> list[OverrideAnswer]:
    """All that there ever were, also those that have ended."""
    found = await overrides.all(service, page.after or LARGEST_ID, page.fetch_limit)
    now = clock()
    return [OverrideAnswer.of(o, now) for o in page.cut(found, lambda o: [o.id])]


@router.get("/{id}", summary="One override", responses=responses(404, 422))
async def get_override(
    overrides: Overrides,
    clock: ServerClock,
    service: ExistingService,
    id: OverridePath,  # noqa: A002 - the path's word
) -> OverrideAnswer:
    """An override as it is now."""
    return OverrideAnswer.of(await overrides.find(service, id), clock())


@router.post(
    "/{id}/approve", summary="Approve an override", responses={202: LATER, **responses(404, 409)}
)
async def approve_override(  # noqa: PLR0913, PLR0917 - what it depends on
    overrides: Overrides,
    clock: ServerClock,
    service: ExistingService,
    id: OverridePath,  # noqa: A002 - the path's word
    by: Actor,
    response: Response,
) -> OverrideAnswer:
    """Let a pending override count, as the second person. 200: the next GET shows it."""
    decided = await overrides.approve(service, id, by.actor, clock())
    return _answered(decided, response, 200, clock())


@router.delete("/{id}", summary="Revoke an override", responses=responses(404, 409))
async def revoke_override(
    overrides: Overrides,
    clock: ServerClock,
    service: ExistingService,
    id: OverridePath,  # noqa: A002 - the path's word
    by: Statement,
) -> OverrideAnswer:
    """End an override before its time; the next GET does not show it any more."""
    now = clock()
    return OverrideAnswer.of(await overrides.revoke(service, id, by, now), now)


def _answered(
    decided: Decided, response: Response, effective_status: int, now: datetime
) -> OverrideAnswer:
    override = decided.override
    path = f"/api/release/{override.service_name}/override/{override.id}"
    response.headers["Location"] = path
    response.status_code = effective_status if decided.effective else 202
    return OverrideAnswer.of(override, now)
