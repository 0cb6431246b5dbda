"""/api/stream: what has changed, as it changes, so that nobody needs to ask."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from api_gateway.changes import ChangeLog
from api_gateway.gateway import GatewayParts
from api_gateway.schemas import Instant
from common.problems import Problem, responses

router = APIRouter(prefix="/api/stream", tags=["stream"])

COALESCE_SECONDS = 0.5
LOOK_UP_SECONDS = 2.0
MOST_STREAMS = 256


class StreamEvent(BaseModel):
    """Keys with new content, by topic. After `reset`, everything may have changed."""

    at: Instant
    changed: dict[str, list[str]] = Field(
        description="Topic to keys: services, `shard/<n>`, `service/<name>`, `target/<id>`"
    )


async def _place(gateway: GatewayParts) -> AsyncIterator[ChangeLog]:
    """Hold one of the places for as long as the stream lasts."""
    changes = gateway.changes
    if changes.streams >= MOST_STREAMS:
        detail = f"{MOST_STREAMS} streams are open, which is the most; poll instead."
        raise Problem(503, "too_many_streams", detail, headers={"Retry-After": "15"})
    changes.streams += 1
    try:
        yield changes
    finally:
        changes.streams -= 1


@router.get(
    "",
    summary="Changes as they happen",
    response_class=EventSourceResponse,
    responses=responses(503),
)
async def stream_changes(
    gateway: GatewayParts, request: Request, changes: Annotated[ChangeLog, Depends(_place)]
) -> AsyncIterator[ServerSentEvent]:
    """`reset` first, then `changed` at most twice a second, and `alive` when nothing is new.

    The id is topic-partition-offset of the newest record told. What was missed while away need
    not be told again: `reset` says that everything is to be read anew.
    """
    position = changes.position
    yield _event("reset", gateway.clock(), {})
    while not getattr(request.app.state, "stopping", False):
        await changes.wait(LOOK_UP_SECONDS)
        fresh = changes.since(position)
        position = changes.position
        by_topic: dict[str, list[str]] = {}
        for change in fresh:
            by_topic.setdefault(change.topic, []).append(change.key)
        name, place = ("changed", fresh[-1].id) if fresh else ("alive", None)
        yield _event(name, gateway.clock(), by_topic, place)
        await asyncio.sleep(COALESCE_SECONDS)


def _event(
    name: str, at: datetime, changed: dict[str, list[str]], place: str | None = None
) -> ServerSentEvent:
    return ServerSentEvent(event=name, id=place, data=StreamEvent(at=at, changed=changed))
