"""A publisher of metric events over HTTP: what is not answered with 202 is sent again."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from burnline.localstack.services import PLAIN_HTTP
from tests.faults.harness.topic_log import LogRecord
from tests.faults.traffic import Traffic
from tests.faults.truth import NUMBER_HEADER, Sent

EVENTS_PER_REQUEST: Final = 20
REQUEST_SECONDS: Final = 0.1  # 200 events a second
_SENT_TWICE: Final = 7  # every so many requests, as a publisher does that lost the answer
_PATIENCE_SECONDS: Final = 120.0
_RETRY_SECONDS: Final = 0.1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Feed:
    """Events with an identity each, from the traffic of a scenario, to any of the replicas."""

    urls: Sequence[str]
    traffic: Traffic
    headers: dict[str, str]
    sent: dict[str, Sent] = field(default_factory=dict)
    """By event id."""
    requests: int = 0
    refused_requests: int = 0

    async def run(self, until: asyncio.Event) -> None:
        """Send at the rate until told to stop; return once everything is acknowledged."""
        due = time.monotonic()
        async with _client(self.headers) as client, asyncio.TaskGroup() as sending:
            while not until.is_set():
                records = [self._next() for _ in range(EVENTS_PER_REQUEST)]
                repeats = 2 if self.requests % _SENT_TWICE == 0 else 1
                for turn in range(repeats):
                    sending.create_task(self._send(client, records, self.requests + turn))
                self.requests += 1
                due += REQUEST_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def recognize(self, log: list[LogRecord]) -> list[LogRecord]:
        """Name the records of the topic as if they had been sent to Kafka as they were meant."""
        return [self._named(record) for record in log]

    def missing(self, log: Sequence[LogRecord]) -> set[str]:
        """Return what was acknowledged and does not stand on the topic."""
        return self.sent.keys() - {_fields(record).get("event_id") for record in log}

    def _named(self, record: LogRecord) -> LogRecord:
        fields = _fields(record)
        meant = self.sent.get(str(fields.get("event_id")))
        if meant is None or not _says(fields, meant):
            return record
        number = (NUMBER_HEADER, str(meant.number).encode())
        return replace(record, value=meant.value, headers=(*record.headers, number))

    def _next(self) -> Sent:
        event_id = f"rolling-{len(self.sent)}"
        [made] = self.traffic.events(1, source="rolling", event_id=event_id)
        self.sent[event_id] = made
        return made

    async def _send(self, client: httpx.AsyncClient, records: Sequence[Sent], turn: int) -> None:
        body = b"[" + b",".join(record.value or b"" for record in records) + b"]"
        deadline, last = time.monotonic() + _PATIENCE_SECONDS, ""
        while time.monotonic() < deadline:
            url = self.urls[turn % len(self.urls)]
            turn += 1
            try:
                answer = await client.post(f"{url}/v1/events", content=body)
            except httpx.HTTPError as error:
                last = repr(error)
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    assert answer.json()["accepted"] == len(records), answer.text
                    return
                last = answer.text
            self.refused_requests += 1
            await asyncio.sleep(_RETRY_SECONDS)
        raise AssertionError(f"nobody took the events: {last}")


def _client(headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers={**headers, "Content-Type": "application/json"},
        timeout=30.0,
        trust_env=False,
        verify=PLAIN_HTTP,
    )


def _fields(record: LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(record.value or b"{}")
    return fields


def _says(fields: dict[str, Any], meant: Sent) -> bool:
    """Tell whether a record, as ingest has written it, says what was sent."""
    event = meant.event
    if event is None:
        return False
    at = datetime.fromisoformat(fields["timestamp"]) - _EPOCH
    latency = fields.get("latency")
    return event.content == (
        at // timedelta(microseconds=1),
        fields.get("window_seconds", 10),
        fields["total"],
        fields["bad"],
        (tuple(latency["bounds"]), tuple(latency["counts"])) if latency else None,
    )
