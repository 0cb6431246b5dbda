"""/api/stream: what has changed, as it changes, so that nobody needs to ask."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from api_gateway.http.operations import Operations
from api_gateway.http.types import Instant
from api_gateway.projections.change_feed import Change, ChangeLog
from api_gateway.routers.dependencies import ServerClock, provided
from common.http.connections import REFUSALS
from common.http.middleware import client_address
from common.http.problems import Problem
from common.observability.callers import CALLERS

router = Operations(prefix="/api/stream", tags=["stream"])

Changes = Annotated[ChangeLog, provided(ChangeLog)]

COALESCE_SECONDS = 0.5
LOOK_UP_SECONDS = 2.0
MOST_STREAMS = 256
MOST_STREAMS_OF_ADDRESS = 64


class StreamEvent(BaseModel):
    """Keys with new content, by topic. After `reset`, everything may have changed."""

    at: Instant
    changed: dict[str, dict[str, int]] = Field(
        description="Topic to key to version, which rises with each record of the key. Keys are "
        "services, `shard/<n>`, `service/<name>`, `target/<id>`"
    )


async def _place(request: Request, changes: Changes) -> AsyncIterator[ChangeLog]:
    """Hold one of the places for as long as the stream lasts; one address has a share of them."""
    address = client_address(request.scope)
    if changes.streams.total() >= MOST_STREAMS:
        raise _too_many(f"{MOST_STREAMS} streams are open, which is the most", address)
    if changes.streams[address] >= MOST_STREAMS_OF_ADDRESS:
        raise _too_many(f"{address} has {MOST_STREAMS_OF_ADDRESS} streams open already", address)
    changes.streams[address] += 1
    try:
        yield changes
    finally:
        changes.streams[address] -= 1
        changes.streams += Counter()  # without those that have none any more


def _too_many(why: str, address: str) -> Problem:
    REFUSALS.labels("too_many_streams", CALLERS.label(f"address/{address}")).inc()
    detail = f"{why}; poll instead."
    return Problem(503, "too_many_streams", detail, headers={"Retry-After": "15"})


@router.get("", summary="Changes as they happen", response_class=EventSourceResponse)
async def stream_changes(
    clock: ServerClock,
    request: Request,
    changes: Annotated[ChangeLog, Depends(_place)],
    last_event_id: Annotated[str | None, Header(description="The last id that came")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """`changed` at most twice a second, and `alive` when nothing is new for two seconds.

    A client that comes back with the last id it has seen, to whichever replica, gets what it
    missed with `changed`. Any other client, and one whose id says nothing here, gets `reset`
    first: everything is to be read anew.
    """
    position = changes.position
    missed = changes.missed(last_event_id) if last_event_id else None
    yield _event("reset" if missed is None else "changed", clock(), missed or (), changes.id)
    while not getattr(request.app.state, "stopping", False):
        await changes.wait(LOOK_UP_SECONDS)
        fresh = changes.since(position)
        position = changes.position
        yield _event("changed" if fresh else "alive", clock(), fresh, changes.id)
        await asyncio.sleep(COALESCE_SECONDS)


def _event(
    name: str, at: datetime, changes: Iterable[Change], place: str | None
) -> ServerSentEvent:
    changed: dict[str, dict[str, int]] = {}
    for change in changes:
        changed.setdefault(change.topic, {})[change.key] = change.version
    return ServerSentEvent(event=name, id=place or None, data=StreamEvent(at=at, changed=changed))
