"""What every service answers before and around its own handlers."""

import io
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Query
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from structlog.testing import capture_logs

from common.config.settings import Settings
from common.http.middleware import REQUEST_ID_HEADER
from common.http.problems import FieldError, Problem
from common.kafka.client import correlation_headers
from common.observability.logging import configure_logging, correlated, correlation_id
from common.runtime.lives import CRASH_LOOP, Lives
from common.service.app import build_app

TOKEN = "correct-horse"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
AUTHORIZED_JSON = {**AUTHORIZED, "Content-Type": "application/json"}
LIMIT_BYTES = 1_000


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: int = Field(ge=1)
    lines: list[int] = []


@asynccontextmanager
async def no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


class Frame:
    """An application with one handler of each kind, and its reasons not to be ready."""

    def __init__(self, token: str | None) -> None:
        self.failing: dict[str, str] = {}
        self.handled = 0
        settings = Settings(api_token=SecretStr(token) if token else None)
        self.app = build_app(
            "Test",
            settings,
            lifespan=no_lifespan,
            readiness=self.readiness,
            body_limit_bytes=LIMIT_BYTES,
        )
        self.add_handlers()

    async def readiness(self) -> dict[str, str]:
        return self.failing

    def add_handlers(self) -> None:
        @self.app.post("/orders")
        async def create(order: Order) -> dict[str, int]:
            self.handled += 1
            return {"amount": order.amount}

        @self.app.get("/orders")
        async def find(limit: Annotated[int, Query(le=10)] = 10) -> dict[str, Any]:
            structlog.get_logger().info("looked_up", limit=limit)
            return {"id": correlation_id(), "headers": correlation_headers()}

        @self.app.get("/conflict")
        async def conflict() -> None:
            errors = [FieldError(field="name", code="taken", detail="choose another")]
            raise Problem(409, "name_taken", "The name is taken.", errors=errors)

        @self.app.get("/broken")
        async def broken() -> None:
            raise RuntimeError("secret-in-an-error")

        @self.app.get("/broken-stream")
        async def broken_stream() -> StreamingResponse:
            async def parts() -> AsyncIterator[bytes]:
                yield b"begun"
                raise RuntimeError("too late for a problem")

            return StreamingResponse(parts())


@pytest.fixture
def frame() -> Frame:
    return Frame(TOKEN)


@pytest.fixture
async def client(frame: Frame) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(frame) as client:
        yield client


def client_of(frame: Frame) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=frame.app)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:burnline:problem:{code}"
    assert problem["instance"] == f"urn:request:{answer.headers[REQUEST_ID_HEADER]}"
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Basic " + b64encode(f"{TOKEN}:x".encode()).decode()},
        {"Authorization": "Basic " + b64encode(TOKEN.encode()).decode()},
        {"Authorization": f"Bearer {TOKEN}x"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/orders", "/nothing-here"])
async def test_writes_without_the_token_are_401_before_everything(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    # the body is too large and no JSON, the path may not exist: none of it is looked at
    answer = await client.request(method, path, headers=headers, content=b"{" * 2 * LIMIT_BYTES)
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/orders/?limit=3", "/orders?limit=3"),
        ("/orders/", "/orders"),
        ("/away", "/path?a=b#c"),
        ("/away?to=//evil.example/path", "/path"),
        ("/away?to=https:%5C%5Cevil.example/path", "/%5C%5Cevil.example/path"),
        ("/away?to=%5C%5Cevil.example", "/%5C%5Cevil.example"),
    ],
)
async def test_a_redirect_stays_on_this_server(path: str, leads_to: str) -> None:
    frame = Frame(TOKEN)

    @frame.app.get("/away")
    async def away(to: str = "https://evil.example/path?a=b#c") -> RedirectResponse:
        return RedirectResponse(to)

    async with client_of(frame) as client:
        answer = await client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 307
    assert answer.headers["location"] == leads_to


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_writes_with_the_token_are_taken(client: httpx.AsyncClient, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    answer = await client.post("/orders", headers=headers, json={"amount": 3})
    assert (answer.status_code, answer.json()) == (200, {"amount": 3})


@pytest.mark.parametrize("user", ["", "flagger", "any body"])
async def test_the_token_may_come_as_the_password_of_an_address(user: str) -> None:
    frame = Frame("schlüssel")
    async with client_of(frame) as client:
        content = b64encode(f"{user}:schlüssel".encode()).decode()
        headers = {"Authorization": f"Basic {content}"}
        assert (await client.post("/orders", headers=headers, json={"amount": 1})).is_success


async def test_a_token_of_any_letters_is_compared_as_bytes() -> None:
    frame = Frame("schlüssel")
    async with client_of(frame) as client:
        right = {b"Authorization": b"Bearer " + "schlüssel".encode()}
        assert (await client.post("/orders", headers=right, json={"amount": 1})).is_success
        wrong = {b"Authorization": b"Bearer " + "schlüsse1".encode()}
        assert (await client.post("/orders", headers=wrong, json={"amount": 1})).is_client_error


async def test_without_a_configured_token_no_write_is_taken() -> None:
    frame = Frame(None)
    async with client_of(frame) as client:
        answer = await client.post("/orders", headers=AUTHORIZED, json={"amount": 3})
        assert "BURNLINE_API_TOKEN" in assert_problem(answer, 401, "unauthorized")["detail"]
        assert (await client.get("/orders")).is_success
    assert frame.handled == 0


def chunked(size: int) -> AsyncIterator[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"amount": 1, "lines": ['
        for _ in range(size // 10):
            yield b"100000000,"
        yield b"1]}"

    return chunks()


async def test_a_declared_body_over_the_limit_is_413(
    client: httpx.AsyncClient, frame: Frame
) -> None:
    answer = await client.post("/orders", headers=AUTHORIZED_JSON, content=b"1" * (LIMIT_BYTES + 1))
    assert str(LIMIT_BYTES) in assert_problem(answer, 413, "body_too_large")["detail"]
    assert frame.handled == 0


async def test_a_chunked_body_over_the_limit_is_413(
    client: httpx.AsyncClient, frame: Frame
) -> None:
    answer = await client.post(
        "/orders", headers=AUTHORIZED_JSON, content=chunked(10 * LIMIT_BYTES)
    )
    assert "content-length" not in answer.request.headers
    assert_problem(answer, 413, "body_too_large")
    assert frame.handled == 0


async def test_a_chunked_body_within_the_limit_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/orders", headers=AUTHORIZED_JSON, content=chunked(LIMIT_BYTES // 2)
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "field", "code"),
    [
        ('{"amount": 0}', "amount", "greater_than_equal"),
        ('{"amount": "secret"}', "amount", "int_parsing"),
        ('{"amount": 1, "lines": [1, "secret"]}', "lines[1]", "int_parsing"),
        ("{}", "amount", "missing"),
        ('{"amount": 1, "colour": "secret"}', "colour", "extra_forbidden"),
        ('{"amount": 1, "%s": "secret"}' % ("x" * 500), "x" * 128, "extra_forbidden"),
        ('"secret"', "body", "model_attributes_type"),
        ('{"amount": secret', "body", "invalid_json"),
    ],
)
async def test_422_names_the_field_and_echoes_nothing(
    client: httpx.AsyncClient, content: str, field: str, code: str
) -> None:
    answer = await client.post("/orders", headers=AUTHORIZED_JSON, content=content)
    problem = assert_problem(answer, 422, "invalid_request")
    assert [(e["field"], e["code"]) for e in problem["errors"]] == [(field, code)]
    assert problem["detail"].startswith(f"{field}: ")
    assert "secret" not in answer.text


async def test_422_names_a_query_parameter(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.get("/orders?limit=11"), 422, "invalid_request")
    assert problem["errors"][0]["field"] == "limit"


async def test_404_405_and_our_own_problems(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/no-such-path-secret"), 404, "not_found")
    answer = await client.delete("/orders", headers=AUTHORIZED)
    assert_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}
    problem = assert_problem(await client.get("/conflict"), 409, "name_taken")
    assert problem["errors"] == [{"field": "name", "code": "taken", "detail": "choose another"}]


async def test_an_unexpected_error_is_a_500_that_tells_nothing(client: httpx.AsyncClient) -> None:
    with capture_logs():
        answer = await client.get("/broken", headers={REQUEST_ID_HEADER: "mine-1"})
    assert_problem(answer, 500, "internal_error")
    assert answer.headers[REQUEST_ID_HEADER] == "mine-1"
    assert "secret" not in answer.text


async def test_a_response_that_has_begun_is_broken_off(client: httpx.AsyncClient) -> None:
    with capture_logs(), pytest.raises(RuntimeError, match="too late"):
        await client.get("/broken-stream")


async def test_the_callers_request_id_is_taken_and_sent_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/orders", headers={REQUEST_ID_HEADER: "trace-1.a:b_c"})
    assert answer.headers[REQUEST_ID_HEADER] == "trace-1.a:b_c"
    assert answer.json() == {
        "id": "trace-1.a:b_c",
        "headers": [["correlation_id", "trace-1.a:b_c"]],
    }


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a;b", "é"])
async def test_an_id_that_is_not_plain_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    headers = {REQUEST_ID_HEADER.encode(): given.encode()}
    first, second = [await client.get("/orders", headers=headers) for _ in range(2)]
    made = first.headers[REQUEST_ID_HEADER]
    assert len(made) == 32
    assert made != given
    assert made != second.headers[REQUEST_ID_HEADER]


async def test_health_readiness_and_metrics(client: httpx.AsyncClient, frame: Frame) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    answer = await client.get("/readyz")
    assert answer.json() == {"status": "ready", "failing": {}, "warnings": {}}
    frame.failing = {"kafka": "no broker answers"}
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "failing": frame.failing, "warnings": {}}


async def test_a_crash_loop_is_said_though_the_process_does_its_work(
    frame: Frame, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    for _ in range(CRASH_LOOP + 1):
        frame.app.state.lives = Lives(tmp_path / "lives")
        frame.app.state.lives.begin()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert "3 crashes" in answer.json()["warnings"]["crash loop"]
    assert "# TYPE" in (await client.get("/metrics")).text


async def test_the_openapi_document_holds_the_problem(frame: Frame) -> None:
    schemas = frame.app.openapi()["components"]["schemas"]
    assert set(schemas["ProblemDocument"]["required"]) >= {"type", "title", "status", "detail"}
    assert "FieldError" in schemas


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Configure this process's logs as a service does; returns what was written so far."""
    stream = io.StringIO()
    root = logging.getLogger()
    with redirect_stdout(stream), pytest.MonkeyPatch.context() as patch:
        patch.setattr(root, "handlers", [])
        configure_logging("test", debug=False)
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


Lines = Callable[[], list[dict[str, Any]]]


async def test_lines_written_while_a_request_is_handled_carry_its_id(
    log_lines: Lines, client: httpx.AsyncClient
) -> None:
    await client.get("/orders", headers={REQUEST_ID_HEADER: "trace-2"})
    (line,) = [line for line in log_lines() if line["event"] == "looked_up"]
    assert line["correlation_id"] == "trace-2"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


async def test_an_unexpected_error_is_logged_with_the_id_and_its_place(
    log_lines: Lines, client: httpx.AsyncClient
) -> None:
    await client.get("/broken", headers={REQUEST_ID_HEADER: "trace-3"})
    (line,) = [line for line in log_lines() if line["event"] == "request_failed"]
    assert (line["correlation_id"], line["path"]) == ("trace-3", "/broken")
    assert line["exception"][0]["exc_type"] == "RuntimeError"


def test_lines_of_libraries_are_json_with_the_id(log_lines: Lines) -> None:
    with correlated("trace-4"):
        logging.getLogger("some_client").warning("node %s is gone", 1)
        logging.getLogger("some_client").info("chatter")
    (line,) = log_lines()
    assert line["event"] == "node 1 is gone"
    assert (line["logger"], line["level"]) == ("some_client", "warning")
    assert line["correlation_id"] == "trace-4"


@pytest.mark.parametrize("given", [None, "", "a\0b", "x" * 65, "new\nline"])
def test_an_id_from_kafka_that_is_not_plain_goes_no_further(given: str | None) -> None:
    with correlated(given):
        assert correlation_id() is None
        assert correlation_headers() == []


def test_an_id_ends_with_its_block() -> None:
    with correlated("outer"):
        with correlated("inner"):
            assert correlation_headers() == [("correlation_id", b"inner")]
        assert correlation_id() == "outer"
    assert correlation_id() is None
