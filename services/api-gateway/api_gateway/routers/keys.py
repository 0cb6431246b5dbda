"""/api/keys: who may do what. Only keys with the scope `admin` get here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api_gateway.api_keys.schemas import KeyAnswer, MadeKeyAnswer, NewKey, Rotation
from api_gateway.api_keys.service import MadeKey
from api_gateway.http.json_body import describes_body, json_body, optional_json_body
from api_gateway.routers.dependencies import Gateway, GatewayParts
from common.access.keys import ID_BYTES
from common.http.problems import responses

router = APIRouter(prefix="/api/keys", tags=["keys"])

LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}
KeyPath = Annotated[
    str, Path(pattern=rf"^[0-9a-f]{{{2 * ID_BYTES}}}$", description="An API key's id")
]


@router.get("", summary="All API keys by name", responses=responses(503))
async def list_keys(gateway: GatewayParts) -> list[KeyAnswer]:
    """The keys that were not revoked, without their secrets."""
    now = gateway.clock()
    return [
        KeyAnswer.of(key, gateway.keys.uses.last_used_at(key.id), now)
        for key in await gateway.keys.book.all()
    ]


@router.post(
    "",
    status_code=201,
    summary="Create an API key",
    responses={201: LOCATION, **responses(409, 413, 415, 422, 503)},
    openapi_extra=describes_body(NewKey),
)
async def create_key(
    gateway: GatewayParts,
    wanted: Annotated[NewKey, Depends(json_body(NewKey))],
    response: Response,
) -> MadeKeyAnswer:
    """Create a key. The answer is the only place that ever holds it: keep it now.

    Every process knows it within a few seconds.
    """
    made = await gateway.keys.book.create(wanted.name, wanted.wanted_scopes(), wanted.lifetime())
    response.headers["Location"] = f"/api/keys/{made.key.id}"
    return _answered(gateway, made, response)


@router.get("/{id}", summary="One API key", responses=responses(404, 422, 503))
async def get_key(gateway: GatewayParts, id: KeyPath) -> KeyAnswer:  # noqa: A002 - the path's word
    """A key, also one that was revoked."""
    key = await gateway.keys.book.one(id)
    return KeyAnswer.of(key, gateway.keys.uses.last_used_at(id), gateway.clock())


@router.post(
    "/{id}/rotate",
    summary="Give an API key another secret",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(Rotation, required=False),
)
async def rotate_key(
    gateway: GatewayParts,
    id: KeyPath,  # noqa: A002 - the path's word
    wanted: Annotated[Rotation, Depends(optional_json_body(Rotation))],
    response: Response,
) -> MadeKeyAnswer:
    """Both secrets open until the overlap is over, so that no caller need be stopped meanwhile.

    At most two open: of a third the oldest gives way at once.
    """
    made = await gateway.keys.book.rotate(id, wanted.overlap(), wanted.lifetime())
    return _answered(gateway, made, response)


@router.delete(
    "/{id}",
    status_code=204,
    summary="Revoke an API key",
    responses=responses(404, 413, 422, 503),
)
async def revoke_key(gateway: GatewayParts, id: KeyPath) -> None:  # noqa: A002 - the path's word
    """Let a key open nothing any more, here at once, elsewhere within a few seconds."""
    await gateway.keys.book.revoke(id)


def _answered(gateway: Gateway, made: MadeKey, response: Response) -> MadeKeyAnswer:
    response.headers["Cache-Control"] = "no-store"
    last_used_at = gateway.keys.uses.last_used_at(made.key.id)
    return MadeKeyAnswer.made(made, last_used_at, gateway.clock())
