"""Answers kept ready: made once for all who ask, and never older than they may be."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from api_gateway.catalog.repository import CatalogStore
from api_gateway.http import response_cache as ready_bytes
from api_gateway.http.response_cache import CachedResponse, ReadyRoute, ResponseCache
from api_gateway.release.service import ReleaseService
from common.http.middleware import CorrelationMiddleware
from common.kafka.topics import CATALOG
from tests.support.burn_events import NOW, heartbeat, snapshot
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import GatewayHarness


class Bench:
    """An application with one operation, and all that a test may turn."""

    def __init__(self) -> None:
        self.now, self.version, self.urgent, self.made = NOW, 0, 0, 0
        self.hold, self.failing, self.size = timedelta(), False, 2000
        self.until: datetime | None = None
        self.watched = 0
        soon = timedelta(seconds=1)
        self.ready = ResponseCache(
            lambda: self.now, lambda: self.version, lambda: self.urgent, soon
        )
        router = APIRouter(route_class=ReadyRoute)

        @router.get("/answer")
        async def answer(request: Request, step: int = 1) -> Response:
            del step
            return await self.ready.answer(request, self.make, lambda: self.watched)

        self.app = FastAPI()
        self.app.state.response_cache = self.ready
        self.app.include_router(router)
        self.app.add_middleware(CorrelationMiddleware)

    async def make(self) -> CachedResponse:
        await asyncio.sleep(0)
        if self.failing:
            raise OSError("gone")
        self.made += 1
        body = json.dumps({"made": self.made, "rest": "x" * self.size})
        return CachedResponse(body.encode(), {"Link": "</next>"}, self.hold, self.until)


@pytest.fixture
async def bench() -> AsyncIterator[tuple[Bench, httpx.AsyncClient]]:
    made = Bench()
    transport = httpx.ASGITransport(made.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield made, client


Served = tuple[Bench, httpx.AsyncClient]


async def test_many_who_ask_are_given_one_answer(bench: Served) -> None:
    made, client = bench
    answers = await asyncio.gather(*(client.get("/answer") for _ in range(40)))
    assert {answer.json()["made"] for answer in answers} == {1}
    assert made.made == 1


async def test_what_has_changed_is_told_soon_and_an_urgent_change_at_once(bench: Served) -> None:
    made, client = bench
    await client.get("/answer")
    made.urgent += 1
    assert (await client.get("/answer")).json()["made"] == 2
    made.version += 1
    made.now += timedelta(seconds=1)
    assert (await client.get("/answer")).json()["made"] == 3


async def test_making_takes_a_small_share_of_the_time(
    bench: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, client = bench
    times = iter([0.0, 0.015])
    monkeypatch.setattr(ready_bytes, "perf_counter", lambda: next(times))
    await client.get("/answer")
    made.version += 1
    made.now += timedelta(seconds=0.49)
    assert (await client.get("/answer")).json()["made"] == 1
    times = iter([0.0, 0.0])
    made.now += timedelta(seconds=0.02)
    assert (await client.get("/answer")).json()["made"] == 2


async def test_without_a_change_an_answer_still_has_an_end(bench: Served) -> None:
    made, client = bench
    await client.get("/answer")
    made.now += timedelta(seconds=1.9)
    assert (await client.get("/answer")).json()["made"] == 1
    made.now += timedelta(seconds=0.2)
    assert (await client.get("/answer")).json()["made"] == 2


async def test_an_answer_may_be_held_longer_but_not_against_an_urgent_change(bench: Served) -> None:
    made, client = bench
    made.hold = timedelta(seconds=15)
    await client.get("/answer")
    made.version += 1
    made.now += timedelta(seconds=14)
    assert (await client.get("/answer")).json()["made"] == 1
    made.urgent += 1
    assert (await client.get("/answer")).json()["made"] == 2


async def test_a_clock_that_goes_back_makes_no_answer_last(bench: Served) -> None:
    made, client = bench
    await client.get("/answer")
    made.now -= timedelta(hours=1)
    assert (await client.get("/answer")).json()["made"] == 2


async def test_packed_plain_and_unchanged_forms_say_the_same(bench: Served) -> None:
    _, client = bench
    plain = await client.get("/answer", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/answer", headers={"Accept-Encoding": "br, gzip"})
    refused = await client.get("/answer", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in refused.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 10
    etag = packed.headers["ETag"]
    assert etag == plain.headers["ETag"]
    unchanged = await client.get("/answer", headers={"If-None-Match": f'W/"x", {etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == etag
    changed = await client.get("/answer", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Link"] == "</next>"
        assert answer.headers["Content-Type"] == "application/json"


async def test_headers_that_are_added_on_the_way_do_not_stay(bench: Served) -> None:
    _, client = bench
    first = await client.get("/answer", headers={"X-Request-ID": "first-request"})
    second = await client.get("/answer", headers={"X-Request-ID": "second-request"})
    assert first.headers.get_list("X-Request-ID") == ["first-request"]
    assert second.headers.get_list("X-Request-ID") == ["second-request"]


async def test_an_answer_ends_when_it_says_and_when_what_it_watches_changes(
    bench: Served,
) -> None:
    made, client = bench
    made.hold, made.until = timedelta(seconds=15), NOW + timedelta(seconds=3)
    await client.get("/answer")
    made.now += timedelta(seconds=2.9)
    assert (await client.get("/answer")).json()["made"] == 1
    made.now += timedelta(seconds=0.1)
    assert (await client.get("/answer")).json()["made"] == 2
    made.until = None
    await client.get("/answer")
    made.watched += 1
    assert (await client.get("/answer")).json()["made"] == 4


async def test_each_query_has_its_answer_and_a_wrong_one_none(bench: Served) -> None:
    made, client = bench
    assert (await client.get("/answer?step=1")).json()["made"] == 1
    assert (await client.get("/answer?step=2")).json()["made"] == 2
    assert (await client.get("/answer?step=x")).status_code == 422
    assert (await client.get("/answer?step=x")).status_code == 422
    assert made.made == 2


async def test_a_failure_is_not_kept(bench: Served) -> None:
    made, client = bench
    made.failing = True
    with pytest.raises(OSError, match="gone"):
        await client.get("/answer")
    made.failing = False
    assert (await client.get("/answer")).json()["made"] == 1


async def test_the_answers_that_are_kept_are_bounded(
    bench: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, client = bench
    monkeypatch.setattr(ready_bytes, "MOST_ANSWERS", 3)
    for step in range(10):
        await client.get(f"/answer?step={step}")
    assert (await client.get("/answer?step=9")).json()["made"] == 10
    assert (await client.get("/answer?step=0")).json()["made"] == 11
    monkeypatch.setattr(ready_bytes, "MOST_BYTES", 2 * made.size)
    made.size = 40
    await client.get("/answer?step=77")
    before = made.made
    await client.get("/answer?step=9")
    assert made.made == before + 1


async def test_burn_rates_show_a_write_and_a_snapshot_at_once(gateway: GatewayHarness) -> None:
    await gateway.service("checkout")
    assert [row["service_name"] for row in await gateway.get("/api/burn")] == ["checkout"]
    await gateway.feed(snapshot("checkout"), *[heartbeat(n) for n in range(4)])
    assert (await gateway.get("/api/burn"))[0]["composite_burn_rate"] == 2.0
    await gateway.service("cart")
    await gateway.target("checkout", name="late")
    rows = await gateway.get("/api/burn")
    assert [row["service_name"] for row in rows] == ["cart", "checkout"]
    assert rows[1]["data_status"] == "lagging"
    packed = await gateway.client.get("/api/burn", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(gzip.compress(packed.content)) == packed.content


async def test_a_write_of_another_process_is_seen_by_its_announcement(
    gateway: GatewayHarness,
) -> None:
    assert await gateway.get("/api/burn") == []
    async with gateway.of(CatalogStore).write() as writer:  # not through this process's catalog
        await writer.add_service("checkout", 1, "payments", None)
    await gateway.feed(*await gateway.announced(CATALOG))
    assert [row["service_name"] for row in await gateway.get("/api/burn")] == ["checkout"]


async def test_a_release_is_ready_until_it_ends_or_the_gate_decides_anew(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0
    answer = gateway.of(ReleaseService).answer

    async def counted(*asked: Any) -> Any:
        nonlocal made
        made += 1
        return await answer(*asked)

    monkeypatch.setattr(
        type(gateway.of(ReleaseService)), "answer", lambda _, *asked: counted(*asked)
    )
    await gateway.service()
    path = "/api/release/checkout"
    for count in (1, 2):  # nobody has decided: nothing is kept
        assert (await gateway.get(path))["decision"] == "UNKNOWN"
        assert made == count
    await gateway.feed(decided("checkout", "BLOCK"))
    for _ in range(3):
        assert (await gateway.get(path))["decision"] == "BLOCK"
    assert made == 3
    await gateway.feed(decided("checkout", evaluated_at=NOW + timedelta(seconds=1)))
    assert (await gateway.get(path))["decision"] == "ALLOW"
    gateway.now[0] += timedelta(seconds=29.5)
    assert (await gateway.get(path))["decision"] == "ALLOW"
    gateway.now[0] += timedelta(seconds=0.5)
    assert (await gateway.get(path))["decision"] == "UNKNOWN"
    await gateway.write("DELETE", "/api/services/checkout")
    assert (await gateway.client.get(path)).status_code == 404
