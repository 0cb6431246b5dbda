"""An ingest service whose broker is a list, and whose clock stands still."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from common.access.key_cache import ApiKeyCache, KeyReader
from common.config.settings import AdmissionSettings
from common.kafka.client import Outgoing, UnknownOutcomeError
from ingest.app import create_app
from ingest.new_names import Catalog
from ingest.settings import IngestSettings

NOW = datetime(2026, 11, 23, 6, 40, 30, tzinfo=UTC)
TOKEN = "a-token-for-tests"


class FakeBroker:
    """Keeps what was acknowledged; `down` makes every outcome unknown."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.down = False
        self.stopped = False

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        await self.check()
        self.records += records

    async def check(self) -> None:
        if self.down:
            raise UnknownOutcomeError("no route to broker")

    async def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


class NoTopic:
    """No keys come."""

    async def run(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def ring() -> ApiKeyCache:
    return ApiKeyCache()


@pytest.fixture
def names() -> set[str]:
    """The services that the catalog has."""
    return set()


def stubbed_app(
    data_dir: Path,
    broker: FakeBroker,
    known: ApiKeyCache,
    names: set[str] | None = None,
    **settings: Any,
) -> FastAPI:
    """Return the application; `names` are the services that its catalog has."""
    given = {"simulator_enabled": False, "api_token": TOKEN, "data_dir": data_dir, **settings}
    return create_app(
        IngestSettings(**given),
        admission=AdmissionSettings(EVENT_LATENESS_HOURS=24),
        broker=broker,
        keys=KeyReader(known, NoTopic().run),
        catalog=Catalog(set() if names is None else names, lambda: True, NoTopic().run),
        clock=lambda: NOW,
    )


MakeClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def make_client(
    broker: FakeBroker, ring: ApiKeyCache, names: set[str], tmp_path: Path
) -> MakeClient:
    @asynccontextmanager
    async def make(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = stubbed_app(tmp_path, broker, ring, names, **settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport,
                base_url="http://test",
                headers={"Authorization": f"Bearer {TOKEN}"},
            ) as client,
        ):
            yield client

    return make


@pytest.fixture
async def client(make_client: MakeClient) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client() as client:
        yield client
