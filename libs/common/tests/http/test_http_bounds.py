"""What bounds a request before any handler sees it, and what every answer carries."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from common.config.settings import Settings
from common.http import protocol as http_protocol
from common.http.api_docs import content_policy
from common.http.protocol import MOST_HEADER_BYTES
from common.service.app import build_app, make_server

TOKEN = "a token of these tests"
PAGE = "https://status.example.com"


@asynccontextmanager
async def no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def ready() -> dict[str, str]:
    return {}


def application(**given: Any) -> FastAPI:
    settings = Settings.model_validate({"api_token": TOKEN, **given})
    app = build_app("Test", settings, lifespan=no_lifespan, readiness=ready)

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """Give the port of the application behind its real server."""
    server = make_server(app, Settings(), 0)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    [socket] = server.servers[0].sockets
    yield socket.getsockname()[1]
    server.should_exit = True
    await task


async def exchange(port: int, *parts: bytes) -> bytes:
    """Send parts as they are; return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionResetError:
        return b"reset"
    finally:
        writer.close()


HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD, b"X-Long: " + b"a" * (MOST_HEADER_BYTES + 1), b"\r\n\r\n"],
        [HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(8000)) + b"\r\n"],
        [b"GET /" + b"a" * MOST_HEADER_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    ],
    ids=["never-ending", "many", "path"],
)
async def test_headers_are_bounded(parts: list[bytes]) -> None:
    async with served(application()) as port:
        answer = await exchange(port, *parts)
        # a client that is still sending may see the connection end before the answer
        assert answer.startswith(b"HTTP/1.1 431") or answer in {b"", b"reset"}
        good = await exchange(port, HEAD + b"Connection: close\r\n\r\n")
        assert good.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", HEAD], ids=["nothing", "a part of them"])
async def test_headers_that_do_not_come_end_the_connection(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    async with served(application()) as port:
        assert (await exchange(port, sent)).startswith(b"HTTP/1.1 408")


async def test_several_requests_on_one_connection_are_served() -> None:
    body = b"POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: 3\r\n"
    once = body % TOKEN.encode() + b"\r\nabc"
    last = HEAD + b"Connection: close\r\n\r\n"
    async with served(application()) as port:
        answer = await exchange(port, once, once, last)
    assert answer.count(b"HTTP/1.1 200") == 3


async def test_a_body_that_does_not_come_is_408() -> None:
    async def lingering() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.sleep(30)

    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with client_of(application(body_timeout_seconds=0.1)) as client:
        answer = await client.post("/echo", headers=headers, content=lingering())
        assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
        assert answer.headers["Connection"] == "close"
        good = await client.post("/echo", headers=headers, content=b"abc")
        assert good.json() == 3


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/docs", "/openapi.json", "/metrics"])
async def test_every_answer_carries_the_headers(path: str) -> None:
    async with client_of(application()) as client:
        for answer in (await client.get(path), await client.post(path)):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in policy
            assert "Strict-Transport-Security" not in answer.headers


async def test_what_came_by_tls_comes_by_tls_from_then_on() -> None:
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="https://test") as client:
        answer = await client.get("/healthz")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_the_documentation_runs_its_own_script_and_no_other() -> None:
    async with client_of(application()) as client:
        answer = await client.get("/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert policy == content_policy(answer.text)
    assert "'sha256-" in policy
    scripts = policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe-inline" not in scripts
    planted = answer.text.replace("</body>", "<script>alert(1)</script></body>")
    assert content_policy(planted) != policy


async def test_the_documentation_asks_no_other_host() -> None:
    async with client_of(application()) as client:
        page = (await client.get("/docs")).text
        assert "//" not in re.sub(r"data:[^\"]*", "", page)
        files = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        assert [Path(name).suffix for name in files] == [".css", ".js"]
        style, script = [await client.get(name) for name in files]
    assert ".swagger-ui" in style.text
    assert "SwaggerUIBundle" in script.text
    assert script.headers["Content-Type"].startswith("text/javascript")


async def asked_by_a_page(client: httpx.AsyncClient, origin: str) -> tuple[Any, Any]:
    """Return the answers to a page's question beforehand and to its request."""
    before = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return (
        await client.options("/echo", headers=before),
        await client.get("/healthz", headers={"Origin": origin}),
    )


async def test_no_page_of_another_origin_may_call_by_default() -> None:
    async with client_of(application()) as client:
        for answer in await asked_by_a_page(client, PAGE):
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_pages_of_listed_origins_may_call() -> None:
    async with client_of(application(cors_origins=f"https://a.example, {PAGE}")) as client:
        beforehand, answer = await asked_by_a_page(client, PAGE)
        assert beforehand.status_code == 200
        assert "authorization" in beforehand.headers["Access-Control-Allow-Headers"].lower()
        for one in (beforehand, answer):
            assert one.headers["Access-Control-Allow-Origin"] == PAGE
            assert "Access-Control-Allow-Credentials" not in one.headers
        refused = await client.post("/echo", headers={"Origin": PAGE})
        assert refused.status_code == 401  # the page can read why
        assert refused.headers["Access-Control-Allow-Origin"] == PAGE
        for other in await asked_by_a_page(client, "https://evil.example"):
            assert "Access-Control-Allow-Origin" not in other.headers
