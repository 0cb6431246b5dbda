"""A gateway on a store in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute

from api_gateway.app import Stores, make_gateway
from api_gateway.application import gateway_app
from api_gateway.projections.discovery import Discovery
from api_gateway.projections.handlers import Handlers
from api_gateway.settings import GatewaySettings
from tests.support.burn_events import NOW, PARTITIONS
from tests.support.gateway.alerts import MemoryAlerts
from tests.support.gateway.in_memory import (
    TOKEN,
    GatewayHarness,
    MemoryCounts,
    MemorySender,
    MemoryStore,
)
from tests.support.gateway.ingest_health import MemoryIngest, MemoryLogs
from tests.support.gateway.keys import MemoryKeys
from tests.support.gateway.policies import MemoryPolicies, MemoryResults

SETTINGS: Final[dict[str, Any]] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "partitions": PARTITIONS,
    "api_token": TOKEN,
    "compute_timeout_seconds": 0.2,
    "ready_seconds": 0,
    "override_visible_seconds": 0.05,
    "channel_test_timeout_seconds": 0.2,
}
_BUILT_ROUTES: dict[int, BaseRoute] = {}


@pytest.fixture
def gateway_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of `gateway`; a test may add some by parametrizing this fixture."""
    return {**SETTINGS, **getattr(request, "param", {})}


@pytest.fixture
async def gateway(gateway_settings: dict[str, Any]) -> AsyncIterator[GatewayHarness]:
    """The application with its real operations, handlers and read model."""
    async with gateway_on(gateway_settings, MemoryStore()) as harness:
        yield harness


@asynccontextmanager
async def gateway_on(given: dict[str, Any], store: MemoryStore) -> AsyncIterator[GatewayHarness]:
    """Give an application on a store; several may share one, as replicas do."""
    settings = GatewaySettings.model_validate(given)
    sender, now = MemorySender(), [NOW]
    alerts = MemoryAlerts(store)
    ingest, logs = MemoryIngest(store), MemoryLogs()
    intents, results = MemoryPolicies(store), MemoryResults(store)
    stores = Stores(
        store, MemoryCounts(store), intents, results, alerts, MemoryKeys(store), ingest, logs.ends
    )
    parts = make_gateway(settings, stores, sender, lambda: now[0])
    discovery = Discovery(store)
    handlers = Handlers(parts.projections, parts.commands, discovery.saw)
    app = gateway_app(settings, parts, _no_lifespan, _ready)
    _take_built_routes(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield GatewayHarness(
            app, client, parts, store, sender, handlers, discovery, now, alerts, ingest, logs
        )


def _take_built_routes(app: FastAPI) -> None:
    """Give the application the routes that the first one of this process has built.

    They hold nothing of their application, and building them is most of what a test would cost.
    """
    routes = app.router.routes
    for place, route in enumerate(routes):
        if (router := getattr(route, "original_router", None)) is not None:
            routes[place] = _BUILT_ROUTES.setdefault(id(router), route)


@pytest.fixture(scope="session")
def gateway_document() -> dict[str, Any]:
    """The gateway's OpenAPI document; it is the same for every application."""
    settings = GatewaySettings.model_validate({"database_url": "postgresql://127.0.0.1/none"})
    parts = make_gateway(settings, memory_stores(MemoryStore()), MemorySender())
    return gateway_app(settings, parts, _no_lifespan, _ready).openapi()


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def _ready() -> dict[str, str]:
    return {}


def memory_stores(store: MemoryStore) -> Stores:
    """Return stores in memory around a catalog."""
    intents, results, alerts = MemoryPolicies(store), MemoryResults(store), MemoryAlerts(store)
    ingest, ends = MemoryIngest(store), MemoryLogs().ends
    return Stores(
        store, MemoryCounts(store), intents, results, alerts, MemoryKeys(store), ingest, ends
    )
