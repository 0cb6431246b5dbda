"""The frame of every service: health, readiness, metrics, problems, and the server itself."""

import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from common import tracing
from common.http import (
    BodyLimitMiddleware,
    CorrelationMiddleware,
    UnexpectedErrorMiddleware,
    WriteTokenMiddleware,
)
from common.http_tracing import TracingMiddleware
from common.problems import ProblemDocument, install_problem_handlers
from common.request_log import RequestLogMiddleware
from common.settings import Settings

Readiness = Callable[[], Awaitable[dict[str, str]]]
"""Gives the checks that fail, by name, each with the reason; nothing when ready."""

STARTUP_FAILURE = 3
"""Exit status of a process that never served, as uvicorn's own."""

KEEP_ALIVE_SECONDS = 75
"""Longer than balancers keep an idle connection: the one that closes it first must not be the one
that is about to be sent a request on it."""

STOPPING = {"process": "is stopping: send nothing new"}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def build_app(
    title: str,
    settings: Settings,
    *,
    lifespan: Lifespan,
    readiness: Readiness,
    body_limit_bytes: int = 1_048_576,
) -> FastAPI:
    """Return an application with health, readiness and metrics, and problems for all errors."""
    tracing.start(title.removeprefix("Burnline").strip() or "api-gateway")
    app = FastAPI(title=title, lifespan=lifespan, generate_unique_id_function=lambda r: r.name)
    install_problem_handlers(app)
    _add_operations(app, readiness)
    app.add_middleware(BodyLimitMiddleware, limit_bytes=body_limit_bytes)
    app.add_middleware(WriteTokenMiddleware, token=settings.api_token)
    app.add_middleware(UnexpectedErrorMiddleware)
    if settings.debug:
        app.add_middleware(RequestLogMiddleware)
    app.add_middleware(CorrelationMiddleware)
    if tracing.active() is not None:
        app.add_middleware(TracingMiddleware)
    _describe_problems(app)
    return app


def _add_operations(app: FastAPI, readiness: Readiness) -> None:
    @app.get("/healthz", tags=["operations"], summary="The process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        tags=["operations"],
        summary="The service can do its work",
        responses={503: {"description": "Not ready; `failing` says what is missing"}},
    )
    async def readyz(request: Request) -> JSONResponse:
        failing = STOPPING if is_stopping(request.app) else await readiness()
        status = "not_ready" if failing else "ready"
        return JSONResponse(
            {"status": status, "failing": failing}, status_code=503 if failing else 200
        )

    @app.get(
        "/metrics",
        tags=["operations"],
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
    )
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _describe_problems(app: FastAPI) -> None:
    """Put the problem's schema into the document that all operations refer to."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["ProblemDocument"] = problem
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def serve(app: FastAPI, settings: Settings, port: int) -> None:
    """Run the application until it is told to stop."""
    server = make_server(app, settings, port)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def make_server(app: FastAPI, settings: Settings, port: int) -> uvicorn.Server:
    """Return the server of an application, which is not started yet."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        log_config=None,  # as all else: see common.logging
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return _Server(config, app, settings.drain_seconds)


def is_stopping(app: FastAPI) -> bool:
    """Tell whether the process has been told to stop, so that endless answers are to end."""
    return getattr(app.state, "stopping", False) is True


class _Server(uvicorn.Server):
    """Told to stop, it says so to the application and on `/readyz`, and goes on for a while.

    Who sends requests here learns it within that time, and finds no closed port before.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self._app, self._drain_seconds = app, drain_seconds
        self._told: tuple[int, float] | None = None  # the signal, and when it came

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal to stop; a second one ends the wait."""
        self._app.state.stopping = True
        if self._told is None and self._drain_seconds > 0:
            self._told = (sig, time.monotonic())
            # whoever keeps connections open to send on them lets each go after its next answer
            self.config.encoded_headers.append((b"connection", b"close"))
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look ten times a second whether it is time to close the port."""
        if self._told is not None and not self.should_exit:
            sig, since = self._told
            if time.monotonic() - since >= self._drain_seconds:
                super().handle_exit(sig, None)
        return await super().on_tick(counter)
