"""The whole gateway on PostgreSQL and Apache Kafka; a stand-in answers for burnrate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text

from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings
from burnline.commands.audit import published_heads
from common.config.clock import system_clock
from common.config.settings import KafkaSettings
from common.events import (
    BurnRateMessage,
    BurnRateSnapshot,
    CatalogMessage,
    ComputeRequested,
    encode,
)
from common.kafka.client import Publisher, Record, TableReader, administrator
from common.kafka.sharding import shard_of
from common.kafka.topics import (
    BURNRATES,
    CATALOG,
    COMMANDS,
    DECISIONS,
    POLICIES,
    delete_topics,
    ensure_topics,
)
from common.storage.audit import AuditHead
from common.storage.database import Database
from tests.support.burn_events import PARTITIONS, heartbeat, slo_status, snapshot
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import TOKEN
from tests.support.waiting import PATIENCE_SECONDS, until

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SERVICE = {"name": "checkout", "tier": 1, "owner": "payments"}
TARGET = {"name": "main", "sli_type": "availability", "objective": 0.999}


def gateway_settings(url: str, bootstrap: str) -> GatewaySettings:
    return GatewaySettings.model_validate(
        {
            "database_url": url,
            "bootstrap_servers": (bootstrap,),
            "partitions": PARTITIONS,
            "api_token": TOKEN,
        }
    )


@asynccontextmanager
async def serving(settings: GatewaySettings) -> AsyncIterator[httpx.AsyncClient]:
    """Run a gateway with all its background parts."""
    app = create_app(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=AUTHORIZED)
        )


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


@pytest.fixture
async def settings(postgres_url: str, fresh_topics: str) -> GatewaySettings:
    """A gateway's settings for empty topics and an empty catalog."""
    made = gateway_settings(postgres_url, fresh_topics)
    database = Database.connect(made, "test")
    async with database.write() as session:
        tables = "catalog.services, catalog.slo_targets, catalog.overrides, catalog.outbox"
        await session.execute(text(f"TRUNCATE {tables} CASCADE"))
    await database.close()
    return made


@pytest.fixture
async def publisher(settings: GatewaySettings) -> AsyncIterator[Publisher]:
    made = Publisher(settings)
    yield made
    await made.stop()


async def publish(publisher: Publisher, message: BurnRateMessage) -> None:
    """Publish a result as burnrate does: to the partition of its shard."""
    name = (
        message.service_name if isinstance(message, BurnRateSnapshot) else f"shard/{message.shard}"
    )
    await publisher.send_all([(BURNRATES.name, encode(message), name.encode(), message.shard, ())])


async def catalog_events(settings: KafkaSettings) -> list[tuple[bytes | None, CatalogMessage]]:
    """Return what stands on the catalog topic, without what the outbox has sent again."""
    decoder = msgspec.json.Decoder(CatalogMessage)
    records = await topic_records(settings, CATALOG.name)
    found = [(record.key, decoder.decode(record.value or b"")) for record in records]
    return list(dict.fromkeys(found))


async def topic_records(settings: KafkaSettings, topic: str) -> list[Record]:
    """Return all records of a topic."""
    found: list[Record] = []

    async def keep(records: Any) -> None:
        found.extend(records)

    reader = TableReader(settings, [topic], keep)
    task = asyncio.create_task(reader.run())
    await until(reader.caught_up.is_set)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


async def test_writes_reach_the_catalog_topic(settings: GatewaySettings) -> None:
    async with serving(settings) as client:
        await until(lambda: ready(client))
        assert (await client.post("/api/services", json=SERVICE)).status_code == 201
        created = (await client.post("/api/slo/checkout/targets", json=TARGET)).json()
        await client.put(f"/api/slo/targets/{created['id']}", json={"objective": 99.95})
        await client.delete("/api/services/checkout")

        async def all_there() -> Any:
            events = await catalog_events(settings)
            return events if len(events) == 5 else None

        events = await until(all_there)
    target = f"target/{created['id']}".encode()
    keys = [b"service/checkout", target, target, target, b"service/checkout"]
    assert [key for key, _ in events] == keys
    assert [event.retired for _, event in events] == [False, False, False, True, True]
    assert events[2][1].objective == "0.9995"
    revisions = [event.revision for _, event in events]
    assert revisions == sorted(set(revisions))


async def test_figures_are_served_after_a_restart_before_it_is_ready(
    settings: GatewaySettings, publisher: Publisher
) -> None:
    now = system_clock()
    for i in range(200):
        shot = snapshot("checkout", slo_status(total=i), evaluated_at=now + timedelta(seconds=i))
        await publish(publisher, shot)
    await publish(publisher, heartbeat(shard_of("checkout", PARTITIONS), now))
    for _ in range(2):
        async with serving(settings) as client:
            await until(lambda client=client: ready(client))  # type: ignore[misc]
            await until(lambda client=client: listed(client, "checkout"))  # type: ignore[misc]
            report = (await client.get("/api/slo/checkout")).json()
            assert (report["slos"][0]["total"], report["data_status"]) == (199, "ok")


async def listed(client: httpx.AsyncClient, name: str) -> bool:
    return (await client.get(f"/api/services/{name}")).status_code == 200


async def test_two_gateways_discover_a_service_once(
    settings: GatewaySettings, publisher: Publisher
) -> None:
    async with serving(settings) as one, serving(settings) as two:
        await until(lambda: ready(one))
        await until(lambda: ready(two))
        names = [f"svc-{i}" for i in range(20)]
        for name in names:
            await publish(publisher, snapshot(name))
        for name in names:
            await until(lambda name=name: listed(one, name))  # type: ignore[misc]
        services = (await two.get("/api/services")).json()
        assert [service["name"] for service in services] == sorted(names)
    events = await catalog_events(settings)
    assert sorted(event.name for _, event in events) == sorted(names)


async def test_a_lost_catalog_topic_is_filled_again(settings: GatewaySettings) -> None:
    async with serving(settings) as client:
        await until(lambda: ready(client))
        await client.post("/api/services", json=SERVICE)
        await client.post("/api/slo/checkout/targets", json=TARGET)
        await until(lambda: count_of(settings, 2))
        before = await catalog_events(settings)
        await lose_topics(settings)
        assert sorted(await until(lambda: count_of(settings, 2)), key=str) == sorted(
            before, key=str
        )
    await lose_topics(settings)
    async with serving(settings) as client:
        await until(lambda: ready(client))
        again = await until(lambda: count_of(settings, 2))
    assert sorted(again, key=str) == sorted(before, key=str)


async def test_a_lost_policies_topic_is_filled_again(settings: GatewaySettings) -> None:
    wanted = {"actor": "ana", "reason": "hotfix for the outage", "decision": "ALLOW"}
    quick = settings.model_copy(update={"override_visible_seconds": 0.1})
    async with serving(quick) as client:
        await until(lambda: ready(client))
        await client.post("/api/services", json=SERVICE)
        made = await client.post("/api/release/checkout/override", json=wanted)
        assert made.status_code == 202
        before = await until(lambda: policy_events(settings, 1))
        assert before[0].key == f"override/{made.json()['id']}".encode()
        await lose_topics(settings)
        again = await until(lambda: policy_events(settings, 1))
    assert [(r.key, r.value) for r in again] == [(r.key, r.value) for r in before]


async def test_decisions_are_known_before_it_is_ready(
    settings: GatewaySettings, publisher: Publisher
) -> None:
    now = system_clock()
    for i in range(50):
        decision = decided("checkout", evaluated_at=now + timedelta(seconds=i))
        decision = msgspec.structs.replace(decision, expires_at=now + timedelta(minutes=5 + i))
        key, value = b"checkout", encode(decision)
        await publisher.send_all([(DECISIONS.name, value, key, decision.shard, ())])
    async with serving(settings) as client:
        await client.post("/api/services", json=SERVICE)
        await until(lambda: ready(client))
        body = (await client.get("/api/release/checkout")).json()
    assert (body["decision"], body["allowed"]) == ("ALLOW", True)
    assert datetime.fromisoformat(body["evaluated_at"]) == now + timedelta(seconds=49)


async def policy_events(settings: KafkaSettings, count: int) -> Any:
    """Return the records of overrides once there are so many."""
    records = await topic_records(settings, POLICIES.name)
    found = [record for record in records if record.key.startswith(b"override/")]
    return found if len(found) == count else None


async def count_of(settings: GatewaySettings, count: int) -> Any:
    events = await catalog_events(settings)
    return events if len(events) == count else None


async def lose_topics(settings: GatewaySettings) -> None:
    """Delete the topics that the gateway reads and make them anew, as a wiped broker would."""
    async with administrator(settings) as admin:
        await delete_topics(admin, [CATALOG.name, POLICIES.name, BURNRATES.name])
    await ensure_topics(settings, PARTITIONS)


@asynccontextmanager
async def burnrate_stand_in(
    settings: GatewaySettings, publisher: Publisher, shards: set[int]
) -> AsyncIterator[None]:
    """Answer every command as the owner of these shards does: snapshots, then the heartbeat."""

    async def answer(record: Record) -> None:
        command = msgspec.json.decode(record.value or b"", type=ComputeRequested)
        now = system_clock()
        for name in ("checkout", "cart"):
            shot = snapshot(name, evaluated_at=now, command_id=command.command_id)
            if shot.shard in shards and command.service_name in {None, name}:
                await publish(publisher, shot)
        for shard in shards:
            await publish(publisher, heartbeat(shard, now, command_id=command.command_id))

    consumer = AIOKafkaConsumer(COMMANDS.name, **settings.client_options())
    await consumer.start()

    async def run() -> None:
        async for record in consumer:
            await answer(record)

    task = asyncio.create_task(run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await consumer.stop()


async def test_where_the_audit_ends_is_published_and_read_by_verify(
    settings: GatewaySettings,
) -> None:
    assert await published_heads(settings) == []
    async with serving(settings) as client:
        await until(lambda: ready(client))
        assert (await client.post("/api/services", json=SERVICE)).status_code == 201
        [newest] = (await client.get("/api/audit", params={"limit": 1})).json()

        async def published() -> Any:
            return await published_heads(settings)

        heads = await until(published)
    assert heads[-1] == AuditHead(newest["id"], newest["hash"])


async def test_compute_goes_round_by_kafka(settings: GatewaySettings, publisher: Publisher) -> None:
    everyone = set(range(PARTITIONS))
    patient = settings.model_copy(update={"compute_timeout_seconds": PATIENCE_SECONDS})
    async with serving(patient) as client, burnrate_stand_in(settings, publisher, everyone):
        await until(lambda: ready(client))
        for name in ("checkout", "cart"):
            await client.post("/api/services", json={**SERVICE, "name": name})
        response = await client.post("/api/burn/compute")
        assert response.status_code == 200
        computed = response.json()
        assert [c["service_name"] for c in computed] == ["cart", "checkout"]
        assert len({c["command_id"] for c in computed}) == 1
        one = await client.post("/api/burn/compute", json={"service_name": "cart"})
        assert [c["service_name"] for c in one.json()] == ["cart"]
        assert one.json()[0]["command_id"] != computed[0]["command_id"]


async def test_silent_shards_are_named_when_their_time_is_up(
    settings: GatewaySettings, publisher: Publisher
) -> None:
    assert settings.compute_timeout_seconds == 5
    patient = settings.model_copy(update={"compute_timeout_seconds": 2.0})
    async with serving(patient) as client, burnrate_stand_in(settings, publisher, {0, 3}):
        await until(lambda: ready(client))
        started = asyncio.get_running_loop().time()
        response = await client.post("/api/burn/compute")
        assert asyncio.get_running_loop().time() - started >= 2.0
        assert response.status_code == 504
        assert {1, 2} <= {*response.json()["silent_shards"]}


async def test_without_kafka_it_lives_and_takes_wishes_but_is_not_ready(
    settings: GatewaySettings,
) -> None:
    nowhere = settings.model_copy(update={"bootstrap_servers": ("127.0.0.1:1",)})
    async with serving(nowhere) as client:
        assert (await client.get("/healthz")).status_code == 200
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert [*response.json()["failing"]] == ["read_model", "keys"]
        assert (await client.post("/api/services", json=SERVICE)).status_code == 201
        assert (await client.get("/api/slo/checkout")).json()["data_status"] == "no_data"
        assert (await client.post("/api/burn/compute")).status_code == 503
    async with serving(settings) as client:
        await until(lambda: count_of(settings, 1))


async def test_without_the_database_it_lives_but_is_not_ready(settings: GatewaySettings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    nowhere = gateway_settings(url, settings.bootstrap_servers[0])
    async with serving(nowhere) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert [*(await client.get("/readyz")).json()["failing"]][-1] == "database"
        response = await client.get("/api/services")
        assert response.status_code == 503
        assert response.json()["code"] == "database_unavailable"
