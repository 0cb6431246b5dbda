"""Every process of every service is restarted in order under 200 events a second.

Not one event is lost or counted twice, no page is told twice, and clients notice nothing.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from burnline.localstack.services import PLAIN_HTTP
from common.kafka.topics import METRICS
from tests.faults.harness.topic_log import read_log
from tests.faults.traffic import SERVICES, Mix
from tests.faults.world import World, new_world
from tests.rolling.balancer import SERVICE, Balancer, StreamReader
from tests.rolling.feed import Feed
from tests.rolling.fleet import Fleet
from tests.support.alerts.receiver import Receiver, receiving
from tests.support.burnrate_service import eventually
from tests.support.servers.cluster import Cluster

MIX: Final = Mix(unidentified=0, source_only=0)
REQUESTS_PER_SECOND: Final = 40
LEAST_REQUESTS: Final = 1000
MOST_ERRORS_RATIO: Final = 0.001
WAIT_SECONDS: Final = 240.0
KINDS: Final = ("slo", "forecast", "release")
HEADERS: Final = {"Authorization": "Bearer faults"}
RULE: Final = "burn-rate-page"


@pytest.fixture
async def world(running_cluster: Cluster, tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(running_cluster, tmp_path, 8, MIX) as made:
        yield made


async def test_every_service_is_restarted_under_load(world: World) -> None:
    with receiving() as receiver:
        fleet = Fleet.of(
            world, ALERTS_ALLOWED_NETWORKS="127.0.0.0/8", ENABLE_METRICS_SIMULATOR="false"
        )
        await fleet.start()
        await page_over(receiver, fleet.urls("api_gateway")[0])
        feed = Feed(fleet.urls("ingest"), world.traffic, HEADERS)
        balancer = Balancer(fleet.urls("api_gateway"), HEADERS)
        streams = [StreamReader(url) for url in fleet.urls("api_gateway")]
        await under_load(fleet, feed, balancer, streams)

        log = await read_log(world.bootstrap, METRICS.name)
        assert not feed.missing(log)
        world.recognize = feed.recognize
        found = await world.differences(WAIT_SECONDS)
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
    async with client() as asking:

        async def unknown() -> list[str]:
            paths = [f"{url}/api/{kind}/{SERVICE}" for url in urls for kind in KINDS]
            answers = [await asking.get(path) for path in paths]
            return [path for path, a in zip(paths, answers, strict=True) if not a.is_success]

        await eventually(unknown, [], WAIT_SECONDS)


async def page_over(receiver: Receiver, gateway: str) -> None:
    """Let the default page be told to the receiver."""
    hook = {"actor": "ines", "name": "hook", "kind": "webhook", "secrets": {"url": receiver.url}}
    changes = {"changes": {"channels": ["hook"]}, "actor": "ines", "reason": "a rolling restart"}
    async with client() as asking:
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


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(headers=HEADERS, timeout=30.0, trust_env=False, verify=PLAIN_HTTP)
