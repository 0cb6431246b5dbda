"""Every process of every service is restarted in order under 200 events a second.

Not one event is lost or counted twice, no page is told twice, and clients notice nothing.
"""

import asyncio
import json
import logging
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from common.kafka.client import Record
from common.kafka.topics import METRICS
from tests.faults.harness.members import Member
from tests.faults.harness.topic_log import read_log
from tests.faults.scenario import Scenario, new_scenario
from tests.faults.traffic import NUMBER_HEADER, SERVICES, Mix, Sent, Traffic
from tests.rolling.balancer import SERVICE, Balancer, StreamReader, gateway_client
from tests.support.alerts.receiver import Receiver, receiving
from tests.support.burnrate_service import eventually
from tests.support.servers.cluster import Cluster

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
        """Send at the rate until asked to stop; return once everything is acknowledged."""
        due = time.monotonic()
        headers = {**self.headers, "Content-Type": "application/json"}
        async with gateway_client(headers) as client, asyncio.TaskGroup() as sending:
            while not until.is_set():
                records = [self._next() for _ in range(EVENTS_PER_REQUEST)]
                repeats = 2 if self.requests % _SENT_TWICE == 0 else 1
                for turn in range(repeats):
                    sending.create_task(self._send(client, records, self.requests + turn))
                self.requests += 1
                due += REQUEST_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def recognize(self, log: list[Record]) -> list[Record]:
        """Name the records of the topic as if they had been sent to Kafka as they were meant."""
        return [self._named(record) for record in log]

    def missing(self, log: Sequence[Record]) -> set[str]:
        """Return what was acknowledged and does not stand on the topic."""
        return self.sent.keys() - {_fields(record).get("event_id") for record in log}

    def _named(self, record: Record) -> Record:
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


def _fields(record: Record) -> dict[str, Any]:
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


ROLLED: Final = ("ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway")
DRAIN_SECONDS: Final = 120
"""Ended by a second signal, once the balancer sends elsewhere: a busy machine has no clock."""
END_SECONDS: Final = 90.0
READY_SECONDS: Final = 240.0
_ENDED_IN_ORDER: Final = (0, -signal.SIGTERM)


@dataclass
class Fleet:
    """The processes by service; `seconds` says how long the restart of each took."""

    members: dict[str, list[Member]]
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, scenario: Scenario, **environment: str) -> "Fleet":
        """Return two of each service that are not started yet."""
        members = {}
        for service in ROLLED:
            drain = DRAIN_SECONDS if service == "api_gateway" else 0
            own = {**environment, "BURNLINE_DRAIN_SECONDS": str(drain)}
            members[service] = [
                scenario.process(f"{service}-{number}", service, proxied=False, **own)
                for number in (1, 2)
            ]
        return cls(members)

    def urls(self, service: str) -> list[str]:
        """Return where the processes of a service listen."""
        return [member.url for member in self.members[service]]

    async def start(self) -> None:
        """Start all, and wait until each is ready."""
        every = [member for members in self.members.values() for member in members]
        for member in every:
            member.start()
        await asyncio.gather(*(member.wait_ready(READY_SECONDS) for member in every))

    async def roll(self, services: Sequence[str], balancer: Balancer) -> None:
        """Restart the processes of each service, one at a time, services side by side.

        The next gateway is ended once the balancer sends to the one before it again.
        """
        await asyncio.gather(*(self._roll(service, balancer) for service in services))

    async def _roll(self, service: str, balancer: Balancer) -> None:
        for member in self.members[service]:
            began = time.monotonic()
            member.send(signal.SIGTERM)
            if member.url in balancer.urls:
                await balancer.wait_left(member.url)
                member.send(signal.SIGTERM)
            code = await member.wait_ended(END_SECONDS)
            assert code in _ENDED_IN_ORDER, f"{member.name} ended with {code}\n{member.log}"
            member.start()
            await member.wait_ready(READY_SECONDS)
            if member.url in balancer.urls:
                await balancer.wait_ready(member.url)
            self.seconds[member.name] = time.monotonic() - began


MIX: Final = Mix(unidentified=0, source_only=0)
REQUESTS_PER_SECOND: Final = 40
LEAST_REQUESTS: Final = 1000
MOST_ERRORS_RATIO: Final = 0.001
WAIT_SECONDS: Final = 240.0
KINDS: Final = ("slo", "forecast", "release")
HEADERS: Final = {"Authorization": "Bearer faults"}
RULE: Final = "burn-rate-page"


@pytest.fixture
async def scenario(running_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Scenario]:
    async with new_scenario(running_cluster, tmp_path, 8, MIX) as made:
        yield made


async def test_every_service_is_restarted_under_load(scenario: Scenario) -> None:
    with receiving() as receiver:
        fleet = Fleet.of(
            scenario, ALERTS_ALLOWED_NETWORKS="127.0.0.0/8", ENABLE_METRICS_SIMULATOR="false"
        )
        await fleet.start()
        await page_over(receiver, fleet.urls("api_gateway")[0])
        feed = Feed(fleet.urls("ingest"), scenario.traffic, HEADERS)
        balancer = Balancer(fleet.urls("api_gateway"), HEADERS)
        streams = [StreamReader(url) for url in fleet.urls("api_gateway")]
        await under_load(fleet, feed, balancer, streams)

        log = await read_log(scenario.bootstrap, METRICS.name)
        assert not feed.missing(log)
        scenario.recognize = feed.recognize
        found = await scenario.differences(WAIT_SECONDS)
        assert not found, "\n".join(found)

        assert balancer.requests >= LEAST_REQUESTS
        errors = balancer.errors
        assert len(errors) <= MOST_ERRORS_RATIO * balancer.requests, "\n".join(errors[:20])
        for stream in streams:
            assert stream.torn == []
            assert stream.ended >= 1  # told to come again,
            assert stream.resets > stream.ended  # and it has
        await eventually(lambda: told(receiver), dict.fromkeys(SERVICES, 1), WAIT_SECONDS)
    shown = {
        "events": len(feed.sent),
        "refused_requests": feed.refused_requests,
        "rest_requests": balancer.requests,
        "sent_again": balancer.sent_again,
        "rest_errors": len(errors),
        "seconds": {name: round(value, 1) for name, value in fleet.seconds.items()},
    }
    logging.getLogger(__name__).info(json.dumps(shown))


async def under_load(
    fleet: Fleet, feed: Feed, balancer: Balancer, streams: list[StreamReader]
) -> None:
    """Restart everything while events come in, clients ask, and streams are read."""
    events_end, requests_end = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(feed.run(events_end))
        await it_is_known(fleet.urls("api_gateway"))
        reading = [tasks.create_task(stream.run()) for stream in streams]
        tasks.create_task(balancer.run(REQUESTS_PER_SECOND, requests_end))
        await fleet.roll([*fleet.members], balancer)
        events_end.set()
        while balancer.requests < LEAST_REQUESTS or any(s.resets < 2 for s in streams):
            await asyncio.sleep(0.2)
        requests_end.set()
        for task in reading:
            task.cancel()


async def it_is_known(urls: list[str]) -> None:
    """Wait until both gateways know what is asked for, with its decision and its forecast."""
    async with gateway_client(HEADERS) as asking:

        async def unknown() -> list[str]:
            paths = [f"{url}/api/{kind}/{SERVICE}" for url in urls for kind in KINDS]
            answers = [await asking.get(path) for path in paths]
            return [path for path, a in zip(paths, answers, strict=True) if not a.is_success]

        await eventually(unknown, [], WAIT_SECONDS)


async def page_over(receiver: Receiver, gateway: str) -> None:
    """Let the default page be told to the receiver."""
    hook = {"actor": "ines", "name": "hook", "kind": "webhook", "secrets": {"url": receiver.url}}
    changes = {"changes": {"channels": ["hook"]}, "actor": "ines", "reason": "a rolling restart"}
    async with gateway_client(HEADERS) as asking:
        for method, path, body in (
            ("POST", "/api/channels", hook),
            ("PATCH", f"/api/rules/{RULE}", changes),
        ):
            answer = await asking.request(method, f"{gateway}{path}", json=body)
            assert answer.is_success, answer.text


async def told(receiver: Receiver) -> dict[str, int]:
    """Return how often each service's page has arrived."""
    alerts = [alert for request in receiver.received for alert in request.json()["alerts"]]
    return dict(Counter(alert["labels"]["service"] for alert in alerts))
