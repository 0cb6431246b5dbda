"""/api/release/{service_name}/override: what a person decides instead of the gate."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Response

from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.pagination import LARGEST_ID, LINK_HEADER, IdPage
from api_gateway.http.types import LINE_PATTERN, Actor, Statement
from api_gateway.policy.override_schemas import OverrideAnswer, OverrideRequest
from api_gateway.policy.overrides import Decided
from api_gateway.routers.dependencies import ExistingService, GatewayParts
from common.http.problems import responses

router = APIRouter(prefix="/api/release/{service_name}/override", tags=["overrides"])

LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}
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
    "",
    status_code=201,
    summary="Override the gate",
    responses={201: LOCATION, 202: LATER, **responses(404, 409, 413, 415, 422, 503)},
    openapi_extra=describes_body(OverrideRequest),
)
async def create_override(
    gateway: GatewayParts,
    service: ExistingService,
    wanted: Annotated[OverrideRequest, Depends(json_body(OverrideRequest))],
    response: Response,
    idempotency_key: KeyHeader = None,
) -> OverrideAnswer:
    """Decide instead of the gate, for a time. 201: the next GET shows it.

    It takes the place of an override for the same version and class, and ends by itself.
    """
    now = gateway.clock()
    decided = await gateway.overrides.create(
        service, wanted.wanted(service.name, idempotency_key, now)
    )
    return _answered(gateway, decided, response, 201)


@router.get(
    "",
    summary="A service's overrides, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(404, 422, 503)},
)
async def list_overrides(
    gateway: GatewayParts, service: ExistingService, page: IdPage
) -> list[OverrideAnswer]:
    """All that there ever were, also those that have ended."""
    async with gateway.intents.read() as reader:
        found = await reader.overrides(service.name, page.after or LARGEST_ID, page.fetch_limit)
    now = gateway.clock()
    return [OverrideAnswer.of(o, now) for o in page.cut(found, lambda o: [o.id])]


@router.get("/{id}", summary="One override", responses=responses(404, 422, 503))
async def get_override(
    gateway: GatewayParts,
    service: ExistingService,
    id: OverridePath,  # noqa: A002 - the path's word
) -> OverrideAnswer:
    """An override as it is now."""
    return OverrideAnswer.of(await gateway.overrides.find(service, id), gateway.clock())


@router.post(
    "/{id}/approve",
    summary="Approve an override",
    responses={202: LATER, **responses(404, 409, 413, 415, 422, 503)},
    openapi_extra=describes_body(Actor),
)
async def approve_override(
    gateway: GatewayParts,
    service: ExistingService,
    id: OverridePath,  # noqa: A002 - the path's word
    who: Annotated[Actor, Depends(json_body(Actor))],
    response: Response,
) -> OverrideAnswer:
    """Let a pending override count, as the second person. 200: the next GET shows it."""
    decided = await gateway.overrides.approve(service, id, who.actor, gateway.clock())
    return _answered(gateway, decided, response, 200)


@router.delete(
    "/{id}",
    summary="Revoke an override",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(Statement),
)
async def revoke_override(
    gateway: GatewayParts,
    service: ExistingService,
    id: OverridePath,  # noqa: A002 - the path's word
    why: Annotated[Statement, Depends(json_body(Statement))],
) -> OverrideAnswer:
    """End an override before its time; the next GET does not show it any more."""
    now = gateway.clock()
    ended = await gateway.overrides.revoke(service, id, why.actor, why.reason, now)
    return OverrideAnswer.of(ended, now)


def _answered(
    gateway: GatewayParts, decided: Decided, response: Response, effective_status: int
) -> OverrideAnswer:
    override = decided.override
    path = f"/api/release/{override.service_name}/override/{override.id}"
    response.headers["Location"] = path
    response.status_code = effective_status if decided.effective else 202
    return OverrideAnswer.of(override, gateway.clock())
