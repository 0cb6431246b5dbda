"""`POST /v1/events` and `POST /v1/changes`: read, classify, publish, answer."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any

import msgspec
import prometheus_client
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from common.access.principal import current_credential, current_principal
from common.config.clock import Clock
from common.events import encode
from common.http.problems import FieldError, Problem, responses
from common.kafka.client import Outgoing, UnknownOutcomeError, correlation_headers
from common.kafka.headers import SENDER_HEADER
from common.kafka.topics import CHANGES, METRICS
from common.observability.callers import CALLERS
from ingest.body import Batch, expand, read_batch
from ingest.broker import Broker
from ingest.domain import (
    Accepted,
    Admit,
    Classification,
    Item,
    Rejection,
    TooManyNewNames,
    admit_change,
    admit_metric,
    check_count,
)
from ingest.in_flight import InFlightLimit, Turns, in_turns
from ingest.metrics import CHANGE_EVENTS, EVENTS, PUBLISH_SECONDS, REFUSED_EVENTS
from ingest.new_names import NewNames
from ingest.openapi import CHANGE_BODY, METRIC_BODY
from ingest.settings import IngestSettings


class RejectedEvent(BaseModel):
    """An event of the request that was not taken."""

    index: int = Field(description="Place in the array, or line of the NDJSON body, from 0")
    code: str
    field: str = Field(description="JSON path within the event")
    detail: str = Field(description="What is wrong and how to mend it")


class Receipt(BaseModel):
    """What became of the events of a request."""

    accepted: int = Field(description="Events that the broker has acknowledged")
    rejected: list[RejectedEvent]


@dataclass(frozen=True, slots=True)
class Feed:
    """A kind of event: its path, its topic, and which events are admitted."""

    path: str
    name: str
    summary: str
    topic: str
    admit: Admit
    counter: prometheus_client.Counter
    request_body: dict[str, Any]
    always_names_sender: bool = False


def feeds(lateness: timedelta) -> tuple[Feed, Feed]:
    """Return the feeds of metric events, late by no more than this, and of changes."""
    metrics = Feed(
        path="/v1/events",
        name="post_events",
        summary="Send metric events",
        topic=METRICS.name,
        admit=partial(admit_metric, lateness=lateness),
        counter=EVENTS,
        request_body=METRIC_BODY,
    )
    changes = Feed(
        path="/v1/changes",
        name="post_changes",
        summary="Send change events: deployments, rollbacks, configuration",
        topic=CHANGES.name,
        admit=admit_change,
        counter=CHANGE_EVENTS,
        request_body=CHANGE_BODY,
        always_names_sender=True,
    )
    return metrics, changes


@dataclass(frozen=True, slots=True)
class EventsEndpoint:
    """Takes the events of a feed over HTTP; answers once the broker has acknowledged them."""

    feed: Feed
    broker: Broker
    clock: Clock
    limit: InFlightLimit
    turns: Turns
    new_names: NewNames
    settings: IngestSettings

    def router(self) -> APIRouter:
        """Return the route."""
        router = APIRouter(tags=["events"])
        router.add_api_route(
            self.feed.path,
            self.post_events,
            methods=["POST"],
            name=self.feed.name,
            summary=self.feed.summary,
            status_code=202,
            response_model=Receipt,
            responses=responses(400, 413, 415, 422, 429, 503),
            openapi_extra=self.feed.request_body,
        )
        return router

    async def post_events(self, request: Request) -> Response:
        """Take one event, an array of events, or NDJSON (one event a line), as gzip or zstd too.

        Good events are taken even where others of the request are refused. 429 also where a key
        brings more new services than it may. 503 means that the outcome is unknown: send the same
        events again, their identities make that safe.
        """
        body, sender = await request.body(), current_credential()
        with ExitStack() as held:
            async with self.turns.taken(sender, len(body)):
                batch, items = await self._events(body, request.headers)
                held.enter_context(self.limit.hold(len(items)))
                found = await self._classify(items, sender)
                if not found.accepted:
                    raise _refusal(found.rejected, is_single=batch.is_single)
                records = await self._records(found.accepted, sender)
            await self._publish(records)
        return Response(
            msgspec.json.encode(_receipt(found)),
            status_code=202,
            media_type="application/json",
            headers=_waits(found.rejected),
        )

    async def _events(self, body: bytes, headers: Headers) -> tuple[Batch, list[Item]]:
        """Return the events of a body. Raises Problem: 413 where there are more than may be."""
        encoding, bound = headers.get("Content-Encoding", ""), self.settings.max_events_per_request
        if encoding:  # in a thread: what expands a body lets the loop go on meanwhile
            body = await asyncio.to_thread(
                expand, body, encoding, self.settings.expanded_limit_bytes
            )
        batch, items = read_batch(body, headers.get("Content-Type", "")), list[Item]()
        async for item in in_turns(batch.steps):
            if item is not None:
                items.append(item)
                if len(items) > bound:
                    raise _too_many(bound)
        return batch, items

    async def _classify(self, items: Sequence[Item], sender: str) -> Classification:
        """Return the events to publish, and why the others are refused."""
        found, now, most = Classification(), self.clock(), self._most_counted()

        def admit(body: bytes, now: datetime) -> Accepted:
            event = self.feed.admit(body, now)
            check_count(event, most)
            if wait_seconds := self.new_names.wait_seconds(event.service, sender):
                raise TooManyNewNames(event.service, sender, wait_seconds)
            return event

        async for item in in_turns(items):
            found.add(item, now, admit)
        for code, events in Counter(rejection.code for rejection in found.rejected).items():
            self.feed.counter.labels("rejected", code).inc(events)
            REFUSED_EVENTS.labels(code, CALLERS.label(sender)).inc(events)
        return found

    def _most_counted(self) -> int:
        """Return how much a report of the present sender may count."""
        principal = current_principal()
        own = None if principal is None else principal.max_count_per_report
        return self.settings.max_count_per_report if own is None else own

    async def _records(self, events: Sequence[Accepted], sender: str) -> list[Outgoing]:
        """Return the records of events; changes, and events of new names, say who brought them."""
        topic, headers, records = self.feed.topic, correlation_headers(), list[Outgoing]()
        with_sender = [*headers, (SENDER_HEADER, sender.encode())]
        async for event in in_turns(events):
            named = self.feed.always_names_sender or self.new_names.is_new(event.service)
            own = with_sender if named else headers
            records.append((topic, encode(event), event.service.encode(), None, own))
        return records

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        started = perf_counter()
        counter = self.feed.counter
        try:
            await self.broker.send_all(records)
        except UnknownOutcomeError as error:
            counter.labels("unknown", "").inc(len(records))
            raise _unknown_outcome() from error
        finally:
            PUBLISH_SECONDS.observe(perf_counter() - started)
        counter.labels("accepted", "").inc(len(records))


def _too_many(bound: int) -> Problem:
    return Problem(
        413,
        "too_many_events",
        f"The request has more than {bound} events; none was taken. Send them in several requests.",
    )


def _receipt(found: Classification) -> dict[str, Any]:
    """Return a Receipt; ten thousand models of Pydantic would hold the loop."""
    rejected = [
        {"index": r.index, "code": r.code, "field": r.fields[0], "detail": r.detail}
        for r in found.rejected
    ]
    return {"accepted": len(found.accepted), "rejected": rejected}


def _waits(rejected: Sequence[Rejection]) -> dict[str, str]:
    """Return when new names may come again, where some were refused."""
    waits = [r.wait_seconds for r in rejected if r.wait_seconds]
    return {"Retry-After": str(min(waits))} if waits else {}


_STATUS_OF_ONE = {"invalid_json": 400, "invalid_utf8": 400, "event_too_large": 413}
LISTED_REJECTIONS = 100
"""Of a request that is refused as a whole so many are listed, which is enough to mend them."""


def _refusal(rejected: Sequence[Rejection], *, is_single: bool) -> Problem:
    """Return the problem of a request without any accepted event."""
    errors = [
        FieldError(
            field=field if is_single else _path(r.index, field), code=r.code, detail=r.detail
        )
        for r in rejected[:LISTED_REJECTIONS]
        for field in r.fields
    ]
    waits = _waits(rejected)
    first = f"{errors[0].field}: {errors[0].detail}"
    if is_single:
        code = rejected[0].code
        status = 429 if waits else _STATUS_OF_ONE.get(code, 422)
        return Problem(status, code, first, errors=errors, headers=waits)
    detail = f"None of the {len(rejected)} events was accepted. The first: {first}"
    if all(r.wait_seconds for r in rejected):
        return Problem(429, rejected[0].code, detail, errors=errors, headers=waits)
    return Problem(422, "no_event_accepted", detail, errors=errors)


def _path(index: int, field: str) -> str:
    return f"[{index}]" if field == "body" else f"[{index}].{field}"


def _unknown_outcome() -> Problem:
    return Problem(
        503,
        "outcome_unknown",
        "Kafka did not acknowledge every event in time: some may be written, some not. Send the "
        "same events again, unchanged: an event that is there already is counted once, by its "
        "`event_id`, or without one by its `source` and content.",
        headers={"Retry-After": "5"},
    )
