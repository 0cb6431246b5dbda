"""What bounds a request before any handler sees it, and what every answer carries."""

import asyncio
import re
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import REGISTRY

from common.config.settings import Settings
from common.http import protocol as http_protocol
from common.http.api_docs import content_policy
from common.http.connections import FILES_LEFT, ConnectionLimits, counted_address
from common.http.middleware import client_address
from common.http.protocol import MOST_HEADER_BYTES
from common.service.app import build_app, make_server
from tests.support.waiting import PATIENCE_SECONDS, until

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
async def served(app: FastAPI, **given: Any) -> AsyncIterator[int]:
    """Give the port of the application behind its real server."""
    server = make_server(app, Settings.model_validate(given), 0)
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
        async with asyncio.timeout(PATIENCE_SECONDS):
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


UNFINISHED = b"Host: x\r\nContent-Length: 1000000\r\n\r\n{"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /echo HTTP/1.1\r\n", b"401"),
        (b"POST /echo HTTP/1.1\r\nAuthorization: Bearer %b\r\n" % TOKEN.encode(), b"413"),
        (b"GET /healthz HTTP/1.1\r\n", b"200"),
        (b"GET /nothing HTTP/1.1\r\n", b"404"),
    ],
)
async def test_an_answer_before_the_end_of_a_body_is_the_last_of_its_connection(
    head: bytes, status: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte a second after it held the connection for as long as the sender liked."""
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.3)
    async with served(application(), most_connections=3) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        unfinished = UNFINISHED
        if status == b"413":
            unfinished = unfinished.replace(b"1000000", b"9000000")
        writer.write(head + unfinished)
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert answer.lower().count(b"connection: close") == 1
            with pytest.raises(ConnectionError):
                await drip(writer)
        writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, for as long as the other side takes it."""
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_a_request_whose_body_is_whole_keeps_its_connection() -> None:
    refused = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    async with served(application()) as port:
        answer = await exchange(port, refused, HEAD + b"Connection: close\r\n\r\n")
    assert (answer.count(b"HTTP/1.1 401"), answer.count(b"HTTP/1.1 200")) == (1, 1)


@pytest.mark.parametrize(
    ("bounds", "status", "code"),
    [
        ({"most_connections": 3}, b"503", "too_many_connections"),
        ({"most_connections_of_address": 3}, b"429", "too_many_connections_of_address"),
    ],
)
async def test_connections_are_bounded_in_all_and_of_each_address(
    bounds: dict[str, int], status: bytes, code: str
) -> None:
    counted = {"code": code, "sender": "address/127.0.0.1"}
    before = sample("burnline_http_refusals_total", counted)
    async with served(application(), **bounds) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _ in range(5):
            assert (await exchange(port)).startswith(b"HTTP/1.1 " + status)
        assert sample("burnline_http_refusals_total", counted) == before + 5
        assert sample("burnline_http_connections") >= 3
        for _, writer in held:
            writer.close()
            await writer.wait_closed()

        async def serves_again() -> bool:
            answer = await exchange(port, HEAD + b"Connection: close\r\n\r\n")
            return answer.startswith(b"HTTP/1.1 200")

        await until(serves_again)


def sample(name: str, labels: dict[str, str] | None = None) -> float:
    return REGISTRY.get_sample_value(name, labels or {}) or 0.0


async def test_connections_of_a_trusted_proxy_are_those_of_many() -> None:
    bounds = {"most_connections_of_address": 1, "trusted_proxies": ("127.0.0.0/8",)}
    async with served(application(), **bounds) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        good = await exchange(port, HEAD + b"Connection: close\r\n\r\n")
        assert good.startswith(b"HTTP/1.1 200")
        for _, writer in held:
            writer.close()


def test_connections_leave_files_to_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    assert ConnectionLimits(5000, 100).most == 1024 - FILES_LEFT
    assert ConnectionLimits(500, 100).most == 500


@pytest.mark.parametrize(
    ("trusted", "callers"), [((), 1), (("127.0.0.1",), 2), (("10.0.0.0/8",), 1)]
)
async def test_an_address_that_is_forwarded_counts_from_trusted_proxies_only(
    trusted: tuple[str, ...], callers: int
) -> None:
    """Anybody on this machine could take another name for each request."""
    app = application(read_burst=1, reads_per_second=0.001)

    @app.get("/api/something")
    async def something() -> None:
        return None

    async with served(app, trusted_proxies=trusted) as port:
        statuses = []
        for address in ("192.0.2.1", "192.0.2.2"):
            head = f"GET /api/something HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n"
            answer = await exchange(port, head.encode() + b"Connection: close\r\n\r\n")
            statuses.append(answer[9:12])
    assert statuses.count(b"200") == callers


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_that_one_sender_may_have_count_as_one(address: str, counted: str) -> None:
    assert counted_address(address) == client_address({"client": (address, 1)}) == counted
    limits = ConnectionLimits(most=10, most_of_address=1)
    assert limits.enter(address) is None
    assert limits.enter(counted.replace("::/64", "::9")) == "too_many_connections_of_address"
    for _ in range(2):
        limits.leave(address)
    assert limits.enter(address) is None


async def test_however_many_ask_whether_it_is_ready_the_servers_are_asked_once() -> None:
    asked, may_answer = 0, asyncio.Event()

    async def readiness() -> dict[str, str]:
        nonlocal asked
        asked += 1
        await may_answer.wait()
        return {}

    settings = Settings.model_validate({"api_token": TOKEN})
    app = build_app("Test", settings, lifespan=no_lifespan, readiness=readiness)
    async with client_of(app) as client:
        requests = [asyncio.create_task(client.get("/readyz")) for _ in range(50)]
        while not asked:
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        may_answer.set()
        assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200}
        assert asked == 1
        assert (await client.get("/readyz")).status_code == 200
    assert asked == 2


def test_a_trusted_proxy_is_an_address_or_a_network() -> None:
    with pytest.raises(ValueError, match="BURNLINE_TRUSTED_PROXIES"):
        Settings.model_validate({"trusted_proxies": ("*",)})


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
