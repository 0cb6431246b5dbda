"""The dashboard under the gateway's address: what is served, with which headers."""

import gzip
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from api_gateway.static_files import add_pages
from burnline.localstack.places import project_root
from tests.support.gateway.harness import TOKEN, GatewayHarness

PAGE = b"<!doctype html><title>Burnline</title>"
OF_THE_FILE = {"content-length", "content-type", "etag", "cache-control", "x-request-id"}
SCRIPT = b"console.log('burnline')"


@pytest.fixture
def gateway_settings(tmp_path: Path) -> dict[str, Any]:
    """A gateway with a dashboard of two files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "assets" / "index-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    return {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "api_token": TOKEN,
        "dashboard_dir": tmp_path,
    }


@pytest.mark.parametrize("path", ["/", "/services/checkout", "/alerts", "/no/such/page"])
async def test_every_page_is_the_same_document(gateway: GatewayHarness, path: str) -> None:
    response = await gateway.client.get(path)
    assert (response.status_code, response.content) == (200, PAGE)
    assert response.headers["Cache-Control"] == "no-cache"
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/assets/gone.js", "/gone.txt"])
async def test_what_is_no_page_is_a_problem(gateway: GatewayHarness, path: str) -> None:
    response = await gateway.client.get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


async def test_operations_keep_their_answers(gateway: GatewayHarness) -> None:
    assert (await gateway.get("/api/services")) == []
    assert (await gateway.write("PATCH", "/api/services")).status_code == 405
    assert (await gateway.client.get("/docs")).status_code == 200
    assert (await gateway.client.get("/healthz")).json() == {"status": "ok"}


async def test_scripts_are_packed_and_kept_for_ever(gateway: GatewayHarness) -> None:
    path = "/assets/index-1a2b.js"
    packed = await gateway.client.get(path)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == SCRIPT
    plain = await gateway.client.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == SCRIPT
    assert "immutable" in plain.headers["Cache-Control"]
    again = await gateway.client.get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_without_a_dashboard_there_are_no_pages() -> None:
    app = Starlette()
    add_pages(app, None)
    assert app.routes == []


async def test_a_dashboard_is_served_from_the_moment_on_that_it_is_built(tmp_path: Path) -> None:
    app = Starlette()
    add_pages(app, tmp_path / "later")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/")).status_code == 404
        (tmp_path / "later").mkdir()
        (tmp_path / "later" / "index.html").write_bytes(PAGE)
        assert (await client.get("/services/checkout")).content == PAGE
        assert (await client.post("/")).status_code == 405


async def test_nginx_gives_pages_the_headers_that_the_gateway_gives_them(
    gateway: GatewayHarness,
) -> None:
    text = (project_root() / "deploy" / "images" / "nginx" / "page-headers.conf").read_text()
    given = {
        name.lower(): value
        for name, value in re.findall(r'(?m)^add_header (\S+) "(.*)" always;$', text)
    }
    response = await gateway.client.get("/")
    own = set(response.headers) - OF_THE_FILE
    assert {name: given.get(name) for name in own} == {n: response.headers[n] for n in own}
    assert "content-security-policy" in own
