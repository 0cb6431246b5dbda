"""What every operation answers to bad requests and bad times."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tests.support.burn_events import PARTITIONS, for_target, heartbeat, snapshot
from tests.support.gateway.access import api_key
from tests.support.gateway.harness import TOKEN, GatewayHarness


def assert_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["instance"] == f"urn:request:{response.headers['X-Request-ID']}"
    assert {"type", "title", "detail", "code", "errors"} <= problem.keys()
    return problem


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"tier": NaN}', "invalid_json"),
        (b'{"tier": -Infinity}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"1" * 5_000, "invalid_json"),
        (b'{"owner": "\xff"}', "invalid_utf8"),
        ('{"name": "a"}'.encode("utf-16"), "invalid_utf8"),
        (b"[]", "model_type"),
        (b"null", "model_type"),
    ],
)
@pytest.mark.parametrize("gateway_settings", [{"body_limit_bytes": 200_000}], indirect=True)
async def test_a_body_that_is_no_object_is_refused(
    gateway: GatewayHarness, body: bytes, code: str
) -> None:
    await gateway.service()
    for method, path in (("POST", "/api/services"), ("POST", "/api/slo/checkout/targets")):
        problem = assert_problem(await gateway.write(method, path, body), 422)
        assert problem["errors"][0]["field"] == "body"
        assert problem["errors"][0]["code"] == code


async def test_a_number_of_any_size_is_answered_at_once(gateway: GatewayHarness) -> None:
    body = b'{"name": "checkout", "owner": "x", "tier": 1e999999999}'
    assert_problem(await gateway.write("POST", "/api/services", body), 422)
    await gateway.service()
    for field in ("objective", "threshold_seconds", "window_days", "min_bad_events"):
        for number in (b"1e999999999", b"1e-999999999", b"-1e999999999"):
            wanted = b'{"name":"a","sli_type":"latency","objective":0.9,"threshold_seconds":1,'
            target = wanted + b'"' + field.encode() + b'": ' + number + b"}"
            response = await gateway.write("POST", "/api/slo/checkout/targets", target)
            assert assert_problem(response, 422)["errors"][0]["field"] == field


@pytest.mark.parametrize("kind", [None, "text/plain", "application/xml", "multipart/form-data"])
async def test_a_body_that_is_not_json_is_unsupported(
    gateway: GatewayHarness, kind: str | None
) -> None:
    await gateway.service()
    headers = {"Authorization": f"Bearer {TOKEN}"} | ({"Content-Type": kind} if kind else {})
    for method, path in (
        ("POST", "/api/services"),
        ("PUT", "/api/services/checkout"),
        ("POST", "/api/slo/checkout/targets"),
        ("POST", "/api/burn/compute"),
    ):
        response = await gateway.client.request(method, path, content=b"{}", headers=headers)
        assert "application/json" in assert_problem(response, 415)["detail"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/merge+json"])
async def test_json_by_any_of_its_names_is_read(gateway: GatewayHarness, kind: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    body = b'{"name": "checkout", "tier": 1, "owner": "x"}'
    response = await gateway.client.post("/api/services", content=body, headers=headers)
    assert response.status_code == 201


async def test_large_bodies_are_refused_declared_or_streamed(gateway: GatewayHarness) -> None:
    async def stream() -> Any:
        for _ in range(100):
            yield b" " * 1024

    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    for content in (b" " * 70_000, stream()):
        response = await gateway.client.post("/api/services", content=content, headers=headers)
        assert_problem(response, 413)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/slo/targets/1", "PUT, DELETE"),
        ("PATCH", "/api/services/checkout", "GET, PUT, DELETE"),
        ("PUT", "/api/services", "GET, POST"),
        ("DELETE", "/api/burn/compute", "POST"),
        ("POST", "/api/slo/checkout", "GET"),
    ],
)
async def test_other_methods_name_those_there_are(
    gateway: GatewayHarness, method: str, path: str, allowed: str
) -> None:
    response = await gateway.write(method, path)
    problem = assert_problem(response, 405)
    assert response.headers["Allow"] == allowed
    assert allowed in problem["detail"]


async def test_unknown_path_is_a_problem(gateway: GatewayHarness) -> None:
    assert_problem(await gateway.client.get("/api/nothing"), 404)


@pytest.mark.parametrize(
    "gateway_settings", [{"write_burst": 2, "writes_per_second": 0.1}], indirect=True
)
async def test_too_many_writes_are_told_when_to_come_again(gateway: GatewayHarness) -> None:
    made = api_key("operate")
    await gateway.service("a")
    await gateway.service("b")
    for method, path in (
        ("POST", "/api/services"),
        ("DELETE", "/api/services/nobody"),
        ("POST", "/api/burn/compute"),
    ):
        response = await gateway.write(method, path, b"{")
        assert_problem(response, 429)
        assert response.headers["Retry-After"] == "10"
        assert response.headers["RateLimit-Policy"] == '"writes";q=2;w=20'
        assert response.headers["RateLimit"] == '"writes";r=0;t=20'
    assert (await gateway.client.post("/api/services")).status_code == 401
    # another key has a bucket of its own
    gateway.ring.apply(made.key)
    headers = {"Authorization": f"Bearer {made.text}"}
    assert (await gateway.client.post("/api/services", headers=headers)).status_code == 415
    assert len(await gateway.get("/api/services")) == 2


def lost_connection() -> DBAPIError:
    return DBAPIError("SELECT 1", None, OSError("gone"), connection_invalidated=True)


class Shutdown(Exception):  # noqa: N818 - named as PostgreSQL names it
    sqlstate = "57P01"


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError("refused"),
        TimeoutError(),
        PoolTimeoutError("pool is empty"),
        lost_connection(),
        DBAPIError("SELECT 1", None, Shutdown()),
    ],
)
async def test_without_the_database_every_operation_says_so(
    gateway: GatewayHarness, failure: Exception
) -> None:
    gateway.database.failure = failure
    for path in ("/api/services", "/api/services/checkout", "/api/slo/checkout", "/api/burn"):
        response = await gateway.client.get(path)
        assert_problem(response, 503)
        assert response.headers["Retry-After"]
    body = {"name": "checkout", "tier": 1, "owner": "x"}
    assert_problem(await gateway.write("POST", "/api/services", body), 503)


async def test_without_the_database_what_is_in_memory_is_said_with_its_time(
    gateway: GatewayHarness,
) -> None:
    await gateway.service("checkout")
    target = await gateway.target()
    await gateway.feed(snapshot("checkout", for_target(target)), *map(heartbeat, range(PARTITIONS)))
    paths = (
        "/api/burn",
        "/api/overview",
        "/api/services/checkout",
        "/api/slo/checkout",
        "/api/slo/checkout/targets",
        "/api/forecast/checkout",
    )
    before = [await gateway.get(path) for path in paths]
    gateway.database.failure = ConnectionRefusedError("refused")
    assert [await gateway.get(path) for path in paths] == before
    assert before[3]["timestamp"]
    assert_problem(await gateway.client.get("/api/slo/nobody"), 503)
    for path in ("/api/alerts", "/api/release/checkout", "/api/audit"):
        assert_problem(await gateway.client.get(path), 503)


async def test_a_fault_of_ours_is_a_problem_too(gateway: GatewayHarness) -> None:
    gateway.database.failure = ProgrammingError("SELECT", None, Exception("no such column"))
    problem = assert_problem(await gateway.client.get("/api/services"), 500)
    assert "column" not in str(problem)
