"""/api/keys: who may do what. Only keys with the scope `admin` get here."""

from typing import Annotated

from fastapi import Path, Response

from api_gateway.api_keys.schemas import KeyAnswer, MadeKeyAnswer, NewKey, Rotation
from api_gateway.api_keys.service import ApiKeyService
from api_gateway.http.operations import Operations
from api_gateway.routers.dependencies import ServerClock, provided
from common.access.key_cache import KeyUses
from common.access.keys import ID_BYTES
from common.http.problems import responses

router = Operations(prefix="/api/keys", tags=["keys"])

ApiKeys = Annotated[ApiKeyService, provided(ApiKeyService)]
Uses = Annotated[KeyUses, provided(KeyUses)]
NOT_STORED = {"Cache-Control": "no-store"}
AS_USUAL = Rotation()

KeyPath = Annotated[
    str, Path(pattern=rf"^[0-9a-f]{{{2 * ID_BYTES}}}$", description="An API key's id")
]


@router.get("", summary="All API keys by name")
async def list_keys(keys: ApiKeys, uses: Uses, clock: ServerClock) -> list[KeyAnswer]:
    """The keys that were not revoked, without their secrets."""
    now = clock()
    return [KeyAnswer.of(key, uses.last_used_at(key.id), now) for key in await keys.all()]


@router.post("", status_code=201, summary="Create an API key", responses=responses(409))
async def create_key(
    keys: ApiKeys,
    clock: ServerClock,
    body: NewKey,
    response: Response,
) -> MadeKeyAnswer:
    """Create a key. The answer is the only place that ever holds it: keep it now.

    Every process knows it within a few seconds.
    """
    issued = await keys.create(
        body.name, body.ordered_scopes(), body.lifetime(), body.max_count_per_report
    )
    response.headers["Location"] = f"/api/keys/{issued.key.id}"
    response.headers.update(NOT_STORED)
    return MadeKeyAnswer.issued(issued, None, clock())


@router.get("/{id}", summary="One API key", responses=responses(404, 422))
async def get_key(
    keys: ApiKeys,
    uses: Uses,
    clock: ServerClock,
    id: KeyPath,  # noqa: A002 - the path's word
) -> KeyAnswer:
    """A key, also one that was revoked."""
    return KeyAnswer.of(await keys.one(id), uses.last_used_at(id), clock())


@router.post("/{id}/rotate", summary="Rotate an API key", responses=responses(404, 409))
async def rotate_key(  # noqa: PLR0913, PLR0917 - what it depends on
    keys: ApiKeys,
    uses: Uses,
    clock: ServerClock,
    id: KeyPath,  # noqa: A002 - the path's word
    response: Response,
    body: Rotation = AS_USUAL,
) -> MadeKeyAnswer:
    """Both secrets open until the overlap is over, so that no caller need be stopped meanwhile.

    At most two open: of a third the oldest gives way at once.
    """
    issued = await keys.rotate(id, body.overlap(), body.lifetime())
    response.headers.update(NOT_STORED)
    return MadeKeyAnswer.issued(issued, uses.last_used_at(id), clock())


@router.delete("/{id}", status_code=204, summary="Revoke an API key", responses=responses(404, 422))
async def revoke_key(keys: ApiKeys, id: KeyPath) -> None:  # noqa: A002 - the path's word
    """Let a key open nothing any more, here at once, elsewhere within a few seconds."""
    await keys.revoke(id)
