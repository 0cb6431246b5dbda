"""A process that is told to stop says so, serves on for a while, and only then closes its port."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from common.config.settings import Settings
from common.service.app import KEEP_ALIVE_SECONDS, build_app, is_stopping, make_server
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow

DRAIN_SECONDS: Final = 0.5
BALANCER_KEEPS_SECONDS: Final = 60  # as the load balancers of clouds and nginx do by default


def make_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def readiness() -> dict[str, str]:
        return {}

    app = build_app("test", Settings(), lifespan=lifespan, readiness=readiness)

    @app.get("/slow")
    async def slow() -> str:
        app.state.begun.set()
        await app.state.goes_on.wait()
        return "done"

    app.state.begun, app.state.goes_on = asyncio.Event(), asyncio.Event()

    return app


@asynccontextmanager
async def running(
    app: FastAPI, drain_seconds: float
) -> AsyncIterator[tuple[uvicorn.Server, httpx.AsyncClient]]:
    """Serve in this loop, without touching the signals of the tests; gives a client of it."""
    server = make_server(app, Settings(drain_seconds=drain_seconds), 0)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    [socket] = server.servers[0].sockets
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield server, client
    server.should_exit = True
    await serving


async def served_until_the_port_is_closed(client: httpx.AsyncClient) -> None:
    """Ask again and again; a kept connection may be closed as it is asked on."""
    while True:
        try:
            answer = await client.get("/healthz")
        except httpx.ConnectError:
            return
        except httpx.TransportError:
            continue
        assert answer.is_success
        await asyncio.sleep(0.01)


async def test_it_is_not_ready_at_once_and_serves_until_the_time_is_over() -> None:
    app = make_app()
    async with running(app, DRAIN_SECONDS) as (server, client):
        ready = await client.get("/readyz")
        assert (ready.status_code, "Connection" in ready.headers) == (200, False)
        told = time.monotonic()
        server.handle_exit(signal.SIGTERM, None)
        assert is_stopping(app)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["failing"] == {"process": "is stopping: send nothing new"}
        await served_until_the_port_is_closed(client)
        assert time.monotonic() - told >= DRAIN_SECONDS


async def test_kept_connections_are_let_go_with_the_next_answer() -> None:
    async with running(make_app(), 60) as (server, client):
        server.handle_exit(signal.SIGTERM, None)

        async def lets_go() -> bool:  # the server looks at its headers once a second
            answer = await client.get("/healthz")
            return "close" in answer.headers.get_list("Connection")

        await until(lets_go)


async def test_what_is_under_way_is_answered() -> None:
    app = make_app()
    async with running(app, 0) as (server, client):
        slow = asyncio.create_task(client.get("/slow", timeout=PATIENCE_SECONDS))
        await app.state.begun.wait()
        server.handle_exit(signal.SIGTERM, None)
        await served_until_the_port_is_closed(client)
        app.state.goes_on.set()
        assert (await slow).json() == "done"


@pytest.mark.parametrize(("drain_seconds", "signals"), [(0, 1), (60, 2)])
async def test_without_a_time_or_at_the_second_signal_it_ends(
    drain_seconds: float, signals: int
) -> None:
    async with running(make_app(), drain_seconds) as (server, _):
        for _ in range(signals):
            assert not server.should_exit
            server.handle_exit(signal.SIGTERM, None)
        assert server.should_exit


def test_idle_connections_are_kept_for_longer_than_balancers_do() -> None:
    server = make_server(make_app(), Settings(), 0)
    assert server.config.timeout_keep_alive == KEEP_ALIVE_SECONDS > BALANCER_KEEPS_SECONDS
