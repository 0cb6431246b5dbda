"""`POST /v1/events` and `POST /v1/changes`: read, classify, publish, answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from pydantic import BaseModel, Field

from common.config.clock import Clock
from common.events import encode
from common.http.problems import FieldError, Problem, responses
from common.kafka.client import UnknownOutcomeError, correlation_headers
from common.kafka.topics import CHANGES, METRICS
from ingest.body import expand, read_batch
from ingest.broker import Broker
from ingest.domain import (
    Accepted,
    Admit,
    Classification,
    Rejection,
    admit_change,
    admit_metric,
    classify,
)
from ingest.in_flight import InFlightLimit
from ingest.metrics import CHANGE_EVENTS, EVENTS, PUBLISH_SECONDS
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
    counter: Counter
    request_body: dict[str, Any]


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
    )
    return metrics, changes


@dataclass(frozen=True, slots=True)
class EventsEndpoint:
    """Takes the events of a feed over HTTP; answers once the broker has acknowledged them."""

    feed: Feed
    broker: Broker
    clock: Clock
    limit: InFlightLimit
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

    async def post_events(self, request: Request) -> JSONResponse:
        """Take one event, an array of events, or NDJSON (one event a line), as gzip or zstd too.

        Good events are taken even where others of the request are refused. 503 means that the
        outcome is unknown: send the same events again, their identities make that safe.
        """
        headers = request.headers
        encoding = headers.get("Content-Encoding", "")
        body = expand(await request.body(), encoding, self.settings.expanded_limit_bytes)
        batch = read_batch(body, headers.get("Content-Type", ""))
        if len(batch.items) > self.settings.max_events_per_request:
            raise _too_many(len(batch.items), self.settings.max_events_per_request)
        with self.limit.hold(len(batch.items)):
            found = classify(batch.items, self.clock(), self.feed.admit)
            for rejection in found.rejected:
                self.feed.counter.labels("rejected", rejection.code).inc()
            if not found.accepted:
                raise _refusal(found.rejected, is_single=batch.is_single)
            await self._publish(found.accepted)
        return JSONResponse(_receipt(found).model_dump(), status_code=202)

    async def _publish(self, events: Sequence[Accepted]) -> None:
        headers = correlation_headers()
        started = perf_counter()
        topic, counter = self.feed.topic, self.feed.counter
        try:
            await self.broker.send_all(
                [(topic, encode(e), e.service.encode(), None, headers) for e in events]
            )
        except UnknownOutcomeError as error:
            counter.labels("unknown", "").inc(len(events))
            raise _unknown_outcome() from error
        finally:
            PUBLISH_SECONDS.observe(perf_counter() - started)
        counter.labels("accepted", "").inc(len(events))


def _too_many(events: int, bound: int) -> Problem:
    return Problem(
        413,
        "too_many_events",
        f"The request has {events} events and may have {bound}; "
        "none was taken. Send them in several requests.",
    )


def _receipt(found: Classification) -> Receipt:
    rejected = [
        RejectedEvent(index=r.index, code=r.code, field=r.fields[0], detail=r.detail)
        for r in found.rejected
    ]
    return Receipt(accepted=len(found.accepted), rejected=rejected)


_STATUS_OF_ONE = {"invalid_json": 400, "invalid_utf8": 400, "event_too_large": 413}


def _refusal(rejected: Sequence[Rejection], *, is_single: bool) -> Problem:
    """Return the problem of a request without any accepted event."""
    errors = [
        FieldError(
            field=field if is_single else _path(r.index, field), code=r.code, detail=r.detail
        )
        for r in rejected
        for field in r.fields
    ]
    first = f"{errors[0].field}: {errors[0].detail}"
    if is_single:
        code = rejected[0].code
        return Problem(_STATUS_OF_ONE.get(code, 422), code, first, errors=errors)
    detail = f"None of the {len(rejected)} events was accepted. The first: {first}"
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
