"""DEBUG tells more in the logs, and nothing more in the answers."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, redirect_stdout
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from common.config.settings import Settings
from common.observability.logging import configure_logging
from common.service.app import build_app

SECRET = "in-the-query"


@asynccontextmanager
async def no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def ready() -> dict[str, str]:
    return {}


def make_app(*, debug: bool) -> FastAPI:
    app = build_app("Test", Settings(DEBUG=debug), lifespan=no_lifespan, readiness=ready)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret recipe")

    return app


@pytest.fixture(autouse=True)
def configured_anew() -> Iterator[None]:
    """Undo what a test configures for this process."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


async def lines_of(path: str, *, debug: bool) -> list[dict[str, Any]]:
    written = io.StringIO()
    with redirect_stdout(written), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])
        configure_logging("test", debug=debug)
        transport = httpx.ASGITransport(make_app(debug=debug))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get(f"{path}?token={SECRET}")
        logging.getLogger("some_client").info("chatter")
    assert "Traceback" not in answer.text
    assert "recipe" not in answer.text
    assert answer.status_code in {200, 500}
    assert SECRET not in written.getvalue()
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/broken", 500)])
async def test_debugging_each_request_is_logged_with_its_outcome(path: str, status: int) -> None:
    lines = await lines_of(path, debug=True)
    [served] = [line for line in lines if line["event"] == "request_served"]
    assert (served["level"], served["method"], served["path"]) == ("debug", "GET", path)
    assert served["status"] == status
    assert served["seconds"] >= 0
    assert served["correlation_id"]
    assert "chatter" in [line["event"] for line in lines]


async def test_otherwise_only_what_somebody_must_know_is_logged() -> None:
    assert await lines_of("/healthz", debug=False) == []


@pytest.mark.parametrize("debug", [True, False])
async def test_the_traceback_is_in_the_log_and_not_in_the_answer(*, debug: bool) -> None:
    lines = await lines_of("/broken", debug=debug)
    [failed] = [line for line in lines if line["event"] == "request_failed"]
    assert failed["exception"][0]["exc_value"] == "the secret recipe"
