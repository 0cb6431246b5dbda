"""Batches in a real log that no client can decode: named, and skipped by an operator."""

import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.record.util import calc_crc32c
from structlog.testing import capture_logs

from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings
from burnrate.settings import AllSettings
from common.events import ChangeEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.tolerant_records import UNREADABLE
from common.kafka.topics import BURNRATES, CATALOG, CHANGES, METRICS
from common.ledger.metrics import CONSUMER
from tests.support.burnrate_service import (
    SHARDS,
    boot,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
    producer,
    publish,
    query,
    url,
)
from tests.support.gate_service import gate, gate_settings
from tests.support.gateway.harness import TOKEN
from tests.support.servers.cluster import Cluster
from tests.support.waiting import until

HOME = shard_of("checkout", SHARDS)
REASON = "its producer has sent the events again"


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return burnrate_settings(new_database(), fresh_topics)


@pytest.fixture
async def client(settings: AllSettings) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway with all its background parts."""
    app = create_app(
        GatewaySettings.model_validate(
            {
                "database_url": url(settings),
                "bootstrap_servers": (boot(settings),),
                "partitions": SHARDS,
                "api_token": TOKEN,
            }
        )
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        lifespan(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gateway", headers=headers
        ) as found,
    ):
        yield found


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    async with app.router.lifespan_context(app):
        yield


def damage(cluster: Cluster, topic: str, partition: int, offset: int, codec: int | None) -> None:
    """Change a batch on the broker's disk: another codec under a right checksum, or one byte."""
    path = cluster.segment(topic, partition)
    if path is None:
        pytest.skip("the log is in a container")
    data = bytearray(path.read_bytes())
    at = 0
    while struct.unpack_from(">q", data, at)[0] != offset:
        at += 12 + struct.unpack_from(">i", data, at + 8)[0]
    end = at + 12 + struct.unpack_from(">i", data, at + 8)[0]
    if codec is None:
        data[end - 1] ^= 0xFF
    else:
        data[at + 22] |= codec
        data[at + 17 : at + 21] = struct.pack(">I", calc_crc32c(bytes(data[at + 21 : end])))
    overwrite(path, at, bytes(data[at:end]))


def overwrite(path: Path, at: int, data: bytes) -> None:
    """Write in place: the broker has the file open."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


async def lag_of(client: httpx.AsyncClient, topic: str) -> Any:
    """Return what the lag says of the topic's shard that is stuck; None while none is."""
    answer = await client.get("/api/ingest/lag")
    if answer.status_code != 200:
        return None
    rows = [s for s in answer.json()["shards"] if s["topic"] == topic and s["undecodable"]]
    return (rows[0]["shard"], rows[0]["undecodable"]["offset"]) if rows else None


async def skip(client: httpx.AsyncClient, topic: str, partition: int, offset: int) -> int:
    asked = {"topic": topic, "partition": partition, "offset": offset}
    body = {**asked, "actor": "ana", "reason": REASON}
    return (await client.post("/api/ingest/skips", json=body)).status_code


@pytest.mark.parametrize("codec", [6, None])
async def test_events_that_nobody_can_decode_are_named_and_skipped_by_an_operator(
    settings: AllSettings, cluster: Cluster, client: httpx.AsyncClient, codec: int | None
) -> None:
    for number in range(3):
        await publish(boot(settings), [event(event_id=str(number))])
    damage(cluster, METRICS.name, HOME, 1, codec)
    place = f"{METRICS.name}/{HOME}"
    with capture_logs() as logs:
        async with burnrate(settings) as service:
            await eventually(lambda: lag_of(client, METRICS.name), (HOME, 1))
            await eventually(lambda: failing(service, place), expected=True)
            assert await counted(url(settings)) == {"checkout": (100, 1)}
            gauges = {family.name: family for family in CONSUMER.collect()}
            (stuck,) = gauges["burnline_consumer_undecodable_offset"].samples
            assert (stuck.labels, stuck.value) == ({"topic": METRICS.name, "shard": str(HOME)}, 1)
            await until(lambda: service.ledger.lag.get(HOME) == 2)  # unknown while it is asked
            for wrong in ((HOME, 0), (HOME, 2), ((HOME + 1) % SHARDS, 1), (SHARDS, 1)):
                assert await skip(client, METRICS.name, *wrong) == 409
            assert await skip(client, METRICS.name, HOME, 1) == 200
            await eventually(lambda: counted(url(settings)), {"checkout": (200, 2)})
            await eventually(lambda: failing(service, place), expected=False)
            assert await skip(client, METRICS.name, HOME, 1) == 409
    named = [log for log in logs if log["event"] == "batch_undecodable"]
    assert [(log["topic"], log["partition"], log["offset"]) for log in named] == [
        (METRICS.name, HOME, 1)
    ]
    (audited,) = await query(
        url(settings), "SELECT on_behalf_of, action, subject, details::text FROM catalog.audit"
    )
    assert tuple(audited)[:3] == ("ana", "batch.skipped", f"batch/{place}@1")
    assert REASON in audited["details"]


async def failing(service: Any, place: str) -> bool:
    return place in await service.failing()


async def test_changes_and_what_we_publish_ourselves_are_no_silent_end_of_the_gate(
    settings: AllSettings, cluster: Cluster, client: httpx.AsyncClient
) -> None:
    own = {BURNRATES.name: HOME, CATALOG.name: 0}
    async with producer(boot(settings)) as log:
        for number in range(3):
            change = ChangeEvent("checkout", datetime.now(UTC), "deploy", event_id=str(number))
            await log.send_and_wait(CHANGES.name, encode(change), partition=HOME)
            for topic, partition in own.items():
                await log.send_and_wait(topic, b"{}", key=b"key", partition=partition)
    damage(cluster, CHANGES.name, HOME, 1, codec=6)
    for topic, partition in own.items():
        damage(cluster, topic, partition, 0, codec=6)
    before = {topic: unreadable(topic) for topic in own}
    async with gate(gate_settings(url(settings), boot(settings))) as service:
        await eventually(lambda: lag_of(client, CHANGES.name), (HOME, 1))
        await eventually(lambda: failing(service, f"{CHANGES.name}/{HOME}"), expected=True)
        assert await skip(client, CHANGES.name, HOME, 1) == 200
        await eventually(service.failing, {})

        async def position() -> list[tuple[int]]:
            asked = "SELECT next_offset FROM gate.shard_offset WHERE shard = $1"
            return [tuple(row) for row in await query(url(settings), asked, HOME)]

        await eventually(position, [(3,)])
    # the batch and what is no event behind it, read by the gate and by the gateway
    assert all(unreadable(topic) - before[topic] >= 3 for topic in own)


def unreadable(topic: str) -> float:
    return float(UNREADABLE.labels(topic)._value.get())
