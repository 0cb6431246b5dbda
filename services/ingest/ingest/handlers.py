"""`POST /v1/events` and `POST /v1/changes`: read, judge, publish, answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from pydantic import BaseModel, Field

from common.config.clock import Clock
from common.events import encode
from common.http.problems import FieldError, Problem, responses
from common.kafka.client import Headers, UnknownOutcomeError, correlation_headers
from common.kafka.topics import CHANGES, METRICS
from ingest.adapters import Batch, Form, read_batch
from ingest.content_encoding import expand
from ingest.domain import (
    Accepted,
    Admit,
    Rejection,
    Verdicts,
    admit_change,
    judge,
    metric_admission,
)
from ingest.in_flight import InFlightLimit
from ingest.metrics import CHANGE_EVENTS, EVENTS, PUBLISH_SECONDS
from ingest.openapi import CHANGE_BODY, METRIC_BODY

OutRecord = tuple[str, bytes | None, bytes | None, int | None, Headers]


class EventPublisher(Protocol):
    """What the endpoint needs of Kafka."""

    async def send_all(self, records: Sequence[OutRecord]) -> Any:
        """Return once all are acknowledged; raise UnknownOutcomeError where that fails."""


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
    """A kind of event: where it comes in, which ones count, and on which topic it goes out."""

    path: str
    name: str
    summary: str
    topic: str
    admit: Admit
    counter: Counter
    request_body: dict[str, Any]


def metric_feed(lateness: timedelta) -> Feed:
    """Return the feed of counts, which may be late by no more than this."""
    return Feed(
        path="/v1/events",
        name="post_events",
        summary="Send metric events",
        topic=METRICS.name,
        admit=metric_admission(lateness),
        counter=EVENTS,
        request_body=METRIC_BODY,
    )


def change_feed() -> Feed:
    """Return the feed of deployments and other changes."""
    return Feed(
        path="/v1/changes",
        name="post_changes",
        summary="Send change events: deployments, rollbacks, configuration",
        topic=CHANGES.name,
        admit=admit_change,
        counter=CHANGE_EVENTS,
        request_body=CHANGE_BODY,
    )


@dataclass(frozen=True, slots=True)
class RequestBounds:
    """How much one request may hold: events, and bytes of a compressed body once expanded."""

    events: int
    expanded_bytes: int


class EventsEndpoint:
    """Takes the events of a feed over HTTP; answers only when the broker has."""

    def __init__(
        self,
        feed: Feed,
        publisher: EventPublisher,
        clock: Clock,
        limit: InFlightLimit,
        bounds: RequestBounds,
    ) -> None:
        self._feed, self._publisher, self._clock = feed, publisher, clock
        self._limit, self._bounds = limit, bounds

    def router(self) -> APIRouter:
        """Return the route."""
        router = APIRouter(tags=["events"])
        router.add_api_route(
            self._feed.path,
            self.post_events,
            methods=["POST"],
            name=self._feed.name,
            summary=self._feed.summary,
            status_code=202,
            response_model=Receipt,
            responses=responses(400, 413, 415, 422, 429, 503),
            openapi_extra=self._feed.request_body,
        )
        return router

    async def post_events(self, request: Request) -> JSONResponse:
        """Take one event, an array of events, or NDJSON (one event a line), as gzip or zstd too.

        Good events are taken even where others of the request are refused. 503 means that the
        outcome is unknown: send the same events again, their identities make that safe.
        """
        headers = request.headers
        encoding = headers.get("Content-Encoding", "")
        body = expand(await request.body(), encoding, self._bounds.expanded_bytes)
        batch = read_batch(body, headers.get("Content-Type", ""))
        self._check_size(batch)
        with self._limit.hold(len(batch.items)):
            verdicts = judge(batch.items, self._clock(), self._feed.admit)
            self._count_rejected(verdicts.rejected)
            if not verdicts.accepted:
                raise _refusal(batch.form, verdicts.rejected)
            await self._publish(verdicts.accepted)
        return JSONResponse(_receipt(verdicts).model_dump(), status_code=202)

    def _check_size(self, batch: Batch) -> None:
        if len(batch.items) > self._bounds.events:
            raise Problem(
                413,
                "too_many_events",
                f"The request has {len(batch.items)} events and may have {self._bounds.events}; "
                "none was taken. Send them in several requests.",
            )

    async def _publish(self, events: Sequence[Accepted]) -> None:
        headers = correlation_headers()
        started = perf_counter()
        topic, counter = self._feed.topic, self._feed.counter
        try:
            await self._publisher.send_all(
                [(topic, encode(e), e.service.encode(), None, headers) for e in events]
            )
        except UnknownOutcomeError as error:
            counter.labels("unknown", "").inc(len(events))
            raise _unknown_outcome() from error
        finally:
            PUBLISH_SECONDS.observe(perf_counter() - started)
        counter.labels("accepted", "").inc(len(events))

    def _count_rejected(self, rejected: Sequence[Rejection]) -> None:
        for rejection in rejected:
            self._feed.counter.labels("rejected", rejection.code).inc()


def _receipt(verdicts: Verdicts) -> Receipt:
    rejected = [
        RejectedEvent(index=r.index, code=r.code, field=r.fields[0], detail=r.detail)
        for r in verdicts.rejected
    ]
    return Receipt(accepted=len(verdicts.accepted), rejected=rejected)


_STATUS_OF_ONE = {"invalid_json": 400, "invalid_utf8": 400, "event_too_large": 413}


def _refusal(form: Form, rejected: Sequence[Rejection]) -> Problem:
    """Return the problem where nothing of the request was good."""
    errors = [
        FieldError(field=_path(form, r.index, field), code=r.code, detail=r.detail)
        for r in rejected
        for field in r.fields
    ]
    first = f"{errors[0].field}: {errors[0].detail}"
    if form is Form.ONE:
        code = rejected[0].code
        return Problem(_STATUS_OF_ONE.get(code, 422), code, first, errors=errors)
    detail = f"None of the {len(rejected)} events was accepted. The first: {first}"
    return Problem(422, "no_event_accepted", detail, errors=errors)


def _path(form: Form, index: int, field: str) -> str:
    if form is Form.ONE:
        return field
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
