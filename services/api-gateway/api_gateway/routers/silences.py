"""/api/silences: what nobody is to be told of, for a time."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api_gateway.alerts.domain import Silence, SilenceState
from api_gateway.alerts.schemas import SilenceAnswer, SilenceRequest
from api_gateway.alerts.service import existing_silence
from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.pagination import LARGEST_ID, LINK_HEADER, LongIdPage
from api_gateway.http.types import Statement
from api_gateway.routers.dependencies import GatewayParts
from common.http.problems import responses

router = APIRouter(prefix="/api/silences", tags=["silences"])

LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}


async def _existing(
    gateway: GatewayParts,
    id: Annotated[int, Path(ge=1, le=LARGEST_ID, description="A silence's id")],  # noqa: A002 - the path's word
) -> Silence:
    async with gateway.alerts.store.read() as reader:
        return await existing_silence(reader, id)


ExistingSilence = Annotated[Silence, Depends(_existing)]


@router.get(
    "",
    summary="Silences, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(422, 503)},
)
async def list_silences(
    gateway: GatewayParts,
    page: LongIdPage,
    state: Annotated[SilenceState | None, Query(description="Only of this page's rows")] = None,
) -> list[SilenceAnswer]:
    """All that there ever were, also those that have ended."""
    async with gateway.alerts.store.read() as reader:
        found = await reader.silences(page.after or LARGEST_ID, page.fetch_limit)
    now = gateway.clock()
    shown = page.cut(found, lambda s: [s.id])
    return [SilenceAnswer.of(s, now) for s in shown if state in {None, s.state(now)}]


@router.post(
    "",
    status_code=201,
    summary="Silence alerts",
    responses={201: LOCATION, **responses(413, 415, 422, 503)},
    openapi_extra=describes_body(SilenceRequest),
)
async def create_silence(
    gateway: GatewayParts,
    wanted: Annotated[SilenceRequest, Depends(json_body(SilenceRequest))],
    response: Response,
) -> SilenceAnswer:
    """Tell nobody of what matches; at its end, whatever still fires is told again."""
    now = gateway.clock()
    matchers = [matcher.matcher() for matcher in wanted.matchers]
    made = await gateway.alerts.alerting.silence(
        matchers, wanted.span(now), wanted.created_by, wanted.comment, now
    )
    response.headers["Location"] = f"/api/silences/{made.id}"
    return SilenceAnswer.of(made, now)


@router.get("/{id}", summary="One silence", responses=responses(404, 422, 503))
async def get_silence(gateway: GatewayParts, silence: ExistingSilence) -> SilenceAnswer:
    """A silence, whether or not it has ended."""
    return SilenceAnswer.of(silence, gateway.clock())


@router.delete(
    "/{id}",
    summary="End a silence now",
    responses=responses(404, 413, 415, 422, 503),
    openapi_extra=describes_body(Statement),
)
async def expire_silence(
    gateway: GatewayParts,
    silence: ExistingSilence,
    why: Annotated[Statement, Depends(json_body(Statement))],
) -> SilenceAnswer:
    """Whatever still fires is told again. One that has ended stays as it is."""
    now = gateway.clock()
    ended = await gateway.alerts.alerting.expire(silence.id, why.actor, why.reason, now)
    return SilenceAnswer.of(ended, now)
