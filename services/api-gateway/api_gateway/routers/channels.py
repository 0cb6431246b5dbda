"""/api/channels: where notifications go."""

from typing import Annotated

from fastapi import Depends, Path, Response

from api_gateway.alerts.channels import ChannelService
from api_gateway.alerts.domain import Channel
from api_gateway.alerts.schemas import ChannelAnswer, ChannelChange, NewChannel, NotificationAnswer
from api_gateway.http.operations import Operations
from api_gateway.http.problems import broker_unavailable
from api_gateway.http.types import Actor, Statement
from api_gateway.routers.dependencies import provided
from common.http.problems import responses
from common.kafka.client import UnknownOutcomeError

router = Operations(prefix="/api/channels", tags=["channels"])

Channels = Annotated[ChannelService, provided(ChannelService)]


async def _existing(
    channels: Channels,
    id: Annotated[int, Path(ge=1, le=2**63 - 1, description="A channel's id")],  # noqa: A002 - the path's word
) -> Channel:
    return await channels.one(id)


ExistingChannel = Annotated[Channel, Depends(_existing)]


@router.get("", summary="All channels by name")
async def list_channels(channels: Channels) -> list[ChannelAnswer]:
    """The channels in use, without their secrets."""
    return [ChannelAnswer.of(channel) for channel in await channels.all()]


@router.post("", status_code=201, summary="Create a channel", responses=responses(409))
async def create_channel(
    channels: Channels,
    body: NewChannel,
    response: Response,
) -> ChannelAnswer:
    """Create a channel; rules that name it use it from now on."""
    added = await channels.add(body.name, body.kind, body.secrets, body.actor)
    response.headers["Location"] = f"/api/channels/{added.id}"
    return ChannelAnswer.of(added)


@router.get("/{id}", summary="One channel", responses=responses(404, 422))
async def get_channel(channel: ExistingChannel) -> ChannelAnswer:
    """A channel in use, without its secrets."""
    return ChannelAnswer.of(channel)


@router.put("/{id}", summary="Change a channel", responses=responses(404, 409))
async def change_channel(
    channels: Channels,
    channel: ExistingChannel,
    body: ChannelChange,
) -> ChannelAnswer:
    """Replace its secrets, all of them at once, or disable it; what is left out stays."""
    changed = await channels.change(
        channel.id, body.actor, secrets=body.secrets, enabled=body.enabled
    )
    return ChannelAnswer.of(changed)


@router.delete("/{id}", status_code=204, summary="Delete a channel", responses=responses(404, 409))
async def delete_channel(
    channels: Channels,
    channel: ExistingChannel,
    by: Statement,
) -> None:
    """Delete a channel and its secrets; rules that name it go on with their others."""
    await channels.retire(channel.id, by.actor, by.reason)


@router.post("/{id}/test", summary="Test a channel", responses=responses(404))
async def test_channel(
    channels: Channels,
    channel: ExistingChannel,
    by: Actor,
) -> NotificationAnswer:
    """Send a test notification and wait for its outcome: `sent`, or `dead` with the error."""
    try:
        outcome = await channels.test(channel.id, by.actor)
    except UnknownOutcomeError:
        raise broker_unavailable("Kafka did not acknowledge the request; send it again.") from None
    return NotificationAnswer.model_validate(outcome)
