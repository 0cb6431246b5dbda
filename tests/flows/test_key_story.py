"""A key made at the gateway opens ingest in another process until it is revoked; real servers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_gateway.app import create_app as create_gateway
from api_gateway.settings import GatewaySettings
from common.access import key_cache
from common.access.key_cache import KeyReader
from common.config.clock import system_clock
from common.config.settings import KafkaSettings
from common.kafka.client import Publisher
from ingest.app import create_app as create_ingest
from ingest.new_names import Catalog
from ingest.settings import IngestSettings
from tests.support.burn_events import PARTITIONS
from tests.support.gateway.harness import TOKEN
from tests.support.waiting import until

ADMIN = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://test")
        yield await stack.enter_async_context(client)


@pytest.fixture
def gateway_settings(postgres_url: str, fresh_topics: str) -> GatewaySettings:
    given = {
        "database_url": postgres_url,
        "bootstrap_servers": (fresh_topics,),
        "partitions": PARTITIONS,
        "api_token": TOKEN,
    }
    return GatewaySettings.model_validate(given)


@pytest.fixture
def ingest(fresh_topics: str, tmp_path: Path) -> FastAPI:
    kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=(fresh_topics,))
    settings = IngestSettings(ENABLE_METRICS_SIMULATOR=False, api_token=None, data_dir=tmp_path)
    return create_ingest(
        settings, broker=Publisher(kafka), keys=KeyReader.of(kafka), catalog=Catalog.of(kafka)
    )


async def test_a_key_opens_other_processes_until_it_is_revoked(
    gateway_settings: GatewaySettings, ingest: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "REPORT_SECONDS", 0.2)
    async with (
        serving(create_gateway(gateway_settings)) as gateway,
        serving(ingest) as events,
    ):

        async def send(key: str) -> int:
            event = {"service": "checkout", "source": "t", "total": 1, "bad": 0}
            event |= {"timestamp": system_clock().isoformat()}
            headers = {"Authorization": f"Bearer {key}"}
            return (await events.post("/v1/events", json=event, headers=headers)).status_code

        async def answers(status: int, key: str) -> bool:
            return await send(key) == status

        for client in (gateway, events):
            await until(lambda c=client: _ready(c))  # type: ignore[misc]
        wanted = {"name": "pipeline", "scopes": ["ingest", "admin"]}
        made = (await gateway.post("/api/keys", json=wanted, headers=ADMIN)).json()
        await until(lambda: answers(202, made["key"]))
        own = {"Authorization": f"Bearer {made['key']}"}
        path = f"/api/keys/{made['id']}"

        async def used() -> Any:
            return (await gateway.get(path, headers=own)).json().get("last_used_at")

        await until(used)
        rotated = (await gateway.post(f"{path}/rotate", headers=own)).json()
        await until(lambda: answers(202, rotated["key"]))
        assert await send(made["key"]) == 202
        assert (await gateway.delete(path, headers=ADMIN)).status_code == 204
        await until(lambda: answers(401, rotated["key"]))
        assert await send(made["key"]) == 401
        audit = (await gateway.get("/api/audit", params={"subject": f"key/{made['id']}"})).json()
        assert [(e["action"], e["credential"]) for e in audit] == [
            ("key.revoked", "bootstrap"),
            ("key.rotated", f"key/{made['id']}"),
            ("key.created", "bootstrap"),
        ]


async def _ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
