"""/api/channels: where notifications go."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api_gateway.alerts.channels import ChannelService
from api_gateway.alerts.domain import Channel
from api_gateway.alerts.schemas import ChannelAnswer, ChannelChange, NewChannel, NotificationAnswer
from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.types import Actor, Statement
from api_gateway.routers.dependencies import LOCATION, provided
from common.http.problems import Problem, responses
from common.kafka.client import UnknownOutcomeError

router = APIRouter(prefix="/api/channels", tags=["channels"])

Channels = Annotated[ChannelService, provided(ChannelService)]


async def _existing(
    channels: Channels,
    id: Annotated[int, Path(ge=1, le=2**63 - 1, description="A channel's id")],  # noqa: A002 - the path's word
) -> Channel:
    return await channels.one(id)


ExistingChannel = Annotated[Channel, Depends(_existing)]


@router.get("", summary="All channels by name", responses=responses(503))
async def list_channels(channels: Channels) -> list[ChannelAnswer]:
    """The channels in use, without their secrets."""
    return [ChannelAnswer.of(channel) for channel in await channels.all()]


@router.post(
    "",
    status_code=201,
    summary="Create a channel",
    responses={201: LOCATION, **responses(409, 413, 415, 422, 503)},
    openapi_extra=describes_body(NewChannel),
)
async def create_channel(
    channels: Channels,
    body: Annotated[NewChannel, Depends(json_body(NewChannel))],
    response: Response,
) -> ChannelAnswer:
    """Create a channel; rules that name it use it from now on."""
    added = await channels.add(body.name, body.kind, body.secrets, body.actor)
    response.headers["Location"] = f"/api/channels/{added.id}"
    return ChannelAnswer.of(added)


@router.get("/{id}", summary="One channel", responses=responses(404, 422, 503))
async def get_channel(channel: ExistingChannel) -> ChannelAnswer:
    """A channel in use, without its secrets."""
    return ChannelAnswer.of(channel)


@router.put(
    "/{id}",
    summary="Change a channel",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(ChannelChange),
)
async def change_channel(
    channels: Channels,
    channel: ExistingChannel,
    body: Annotated[ChannelChange, Depends(json_body(ChannelChange))],
) -> ChannelAnswer:
    """Replace its secrets, all of them at once, or disable it; what is left out stays."""
    changed = await channels.change(
        channel.id, body.actor, secrets=body.secrets, enabled=body.enabled
    )
    return ChannelAnswer.of(changed)


@router.delete(
    "/{id}",
    status_code=204,
    summary="Delete a channel",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(Statement),
)
async def delete_channel(
    channels: Channels,
    channel: ExistingChannel,
    by: Annotated[Statement, Depends(json_body(Statement))],
) -> None:
    """Delete a channel and its secrets; rules that name it go on with their others."""
    await channels.retire(channel.id, by.actor, by.reason)


@router.post(
    "/{id}/test",
    summary="Test a channel",
    responses=responses(404, 413, 415, 422, 503),
    openapi_extra=describes_body(Actor),
)
async def test_channel(
    channels: Channels,
    channel: ExistingChannel,
    by: Annotated[Actor, Depends(json_body(Actor))],
) -> NotificationAnswer:
    """Send a test notification and wait for its outcome: `sent`, or `dead` with the error."""
    try:
        outcome = await channels.test(channel.id, by.actor)
    except UnknownOutcomeError:
        detail = "Kafka did not acknowledge the request; send it again."
        raise Problem(503, "broker_unavailable", detail, headers={"Retry-After": "1"}) from None
    return NotificationAnswer.model_validate(outcome)
