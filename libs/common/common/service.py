"""The frame of every service: health, readiness, metrics, problems, and the server itself."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.middleware.cors import CORSMiddleware

from common.access.document import describe_access
from common.access.middleware import Access, AccessMiddleware
from common.access.setup import access_of
from common.http import (
    REQUEST_ID_HEADER,
    BodyLimitMiddleware,
    CorrelationMiddleware,
    UnexpectedErrorMiddleware,
)
from common.problems import ProblemDocument, install_problem_handlers
from common.response_headers import SecurityHeadersMiddleware
from common.settings import Settings

Readiness = Callable[[], Awaitable[dict[str, str]]]
"""Gives the checks that fail, by name, each with the reason; nothing when ready."""

STARTUP_FAILURE = 3
"""Exit status of a process that never served, as uvicorn's own."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def build_app(  # noqa: PLR0913 - what services differ in
    title: str,
    settings: Settings,
    *,
    lifespan: Lifespan,
    readiness: Readiness,
    body_limit_bytes: int = 1_048_576,
    access: Access | None = None,
) -> FastAPI:
    """Return an application with health, readiness and metrics, and problems for all errors.

    Without `access` only the tokens of the settings are known.
    """
    access = access or access_of(settings)
    app = FastAPI(title=title, lifespan=lifespan, generate_unique_id_function=lambda r: r.name)
    install_problem_handlers(app)
    _add_operations(app, readiness)
    # the last one added is the first that a request meets
    app.add_middleware(BodyLimitMiddleware, limit_bytes=body_limit_bytes)
    app.add_middleware(AccessMiddleware, access=access)
    _share_with(app, settings.cors_origins)
    app.add_middleware(UnexpectedErrorMiddleware)
    app.add_middleware(SecurityHeadersMiddleware, shared=bool(settings.cors_origins))
    app.add_middleware(CorrelationMiddleware)
    _complete_document(app, reads_need_key=access.reads_need_key)
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
    async def readyz() -> JSONResponse:
        failing = await readiness()
        status = "not_ready" if failing else "ready"
        return JSONResponse(
            {"status": status, "failing": failing}, status_code=503 if failing else 200
        )

    @app.get("/metrics", tags=["operations"], summary="Prometheus metrics")
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _share_with(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call the API. Keys go in a header: no cookies are involved."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", REQUEST_ID_HEADER),
            expose_headers=("ETag", "Link", "Location", "Retry-After", REQUEST_ID_HEADER),
        )


def _complete_document(app: FastAPI, *, reads_need_key: bool) -> None:
    """Add the problem's schema, to which all operations refer, and what they need of a caller."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["ProblemDocument"] = problem
        describe_access(document, reads_need_key=reads_need_key)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def serve(app: FastAPI, settings: Settings, port: int) -> None:
    """Run the application until it is told to stop."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        log_config=None,  # as all else: see common.logging
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, app)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


class _Server(uvicorn.Server):
    """Tells the application at once that it is to stop, so that endless answers end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal to stop."""
        self._app.state.stopping = True
        super().handle_exit(sig, frame)
