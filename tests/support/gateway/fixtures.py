"""A gateway on PostgreSQL; what comes from Kafka is handed to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from starlette.routing import BaseRoute

from api_gateway.app import Connections, create_app, make_services
from api_gateway.application import gateway_app
from api_gateway.projections.commands import ComputeCommands
from api_gateway.projections.discovery import Discovery
from api_gateway.projections.handlers import Handlers, Projections
from api_gateway.settings import GatewaySettings
from api_gateway.storage.redis_cache import shared_cache
from common.kafka.client import Publisher, Record
from common.storage.outbox import Outbox
from tests.support.burn_events import NOW, PARTITIONS
from tests.support.gateway.database import GatewayDatabase
from tests.support.gateway.filled import fill, refill
from tests.support.gateway.harness import TOKEN, CommandLog, GatewayHarness, LogEndsStub

SETTINGS: Final[dict[str, Any]] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "partitions": PARTITIONS,
    "api_token": TOKEN,
    "compute_timeout_seconds": 0.2,
    "ready_seconds": 0,
    "override_visible_seconds": 0.05,
    "channel_test_timeout_seconds": 0.2,
}
MIGRATED, FILLED = "migrated", "filled"
_BUILT_ROUTES: dict[int, BaseRoute] = {}


@pytest.fixture
def gateway_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of `gateway`; a test may add some by parametrizing this fixture."""
    return {**SETTINGS, **getattr(request, "param", {})}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what uses a gateway in the loop of the session, in which its connections stay open."""
    for item in items:
        if "gateway_database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def gateway_database_url(new_database: Callable[[], str]) -> str:
    """The address of `gateway_database`."""
    return new_database()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway_database(gateway_database_url: str) -> AsyncIterator[GatewayDatabase]:
    """The database of this process; `gateway` empties it."""
    database = GatewayDatabase.at(gateway_database_url)
    (row,) = await database.rows("SELECT current_database() AS name")
    await database.run(f'ALTER DATABASE "{row.name}" SET synchronous_commit = off')
    await database.close()  # what is connected from now on waits for no disk
    await database.keep(MIGRATED)
    yield database
    await database.close()


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(
    gateway_settings: dict[str, Any], gateway_database: GatewayDatabase
) -> AsyncIterator[GatewayHarness]:
    """The application with its real operations, handlers, repositories and read model.

    An async fixture on top of it needs `pytest_asyncio.fixture(loop_scope="session")` too.
    """
    before = asyncio.all_tasks()
    await gateway_database.restore(MIGRATED)
    async with gateway_on(gateway_settings, gateway_database) as harness:
        yield harness
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def filled_rows(gateway_database: GatewayDatabase) -> list[Record]:
    """The rows of a filled gateway, kept to be restored; returns what was fed to it."""
    await gateway_database.restore(MIGRATED)
    async with gateway_on(SETTINGS, gateway_database) as gateway:
        await fill(gateway)
    await gateway_database.keep(FILLED)
    return gateway.fed


@pytest_asyncio.fixture(loop_scope="session")
async def filled(gateway: GatewayHarness, filled_rows: list[Record]) -> GatewayHarness:
    """The gateway with something of each kind."""
    await gateway.database.restore(FILLED)
    await refill(gateway, filled_rows)
    return gateway


@asynccontextmanager
async def gateway_on(
    given: dict[str, Any], database: GatewayDatabase
) -> AsyncIterator[GatewayHarness]:
    """Give an application on a database; several may share one, as replicas do."""
    settings = GatewaySettings.model_validate(given)
    sender, logs, now = CommandLog(), LogEndsStub(), [NOW]
    outbox = Outbox("catalog", database, Publisher(settings))
    cache = shared_cache(settings)
    connections = Connections(database, outbox, sender, cache, logs.ends)
    services = make_services(settings, connections, lambda: now[0])
    discovery, commands = services.get(Discovery), services.get(ComputeCommands)
    handlers = Handlers(services.get(Projections), commands, discovery.saw)
    app = gateway_app(settings, services, _no_lifespan, _ready)
    _take_built_routes(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield GatewayHarness(
            app, client, services, database, sender, handlers, discovery, now, logs, cache
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
    return create_app(GatewaySettings.model_validate(SETTINGS)).openapi()


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def _ready() -> dict[str, str]:
    return {}


HOST = "127.0.0.1"


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[str]:
    """Serve the application in this loop while the block runs; gives its base URL."""
    config = uvicorn.Config(app, host=HOST, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    [socket] = server.servers[0].sockets
    yield f"http://{HOST}:{socket.getsockname()[1]}"
    server.should_exit = True
    await serving
