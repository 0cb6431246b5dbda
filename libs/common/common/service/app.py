"""Build and serve the HTTP application of a service: health, readiness, metrics, problems."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Metric, generate_latest
from prometheus_client.registry import Collector
from starlette.middleware.cors import CORSMiddleware

from common.access.document import describe_access
from common.access.middleware import Access, AccessMiddleware, access_of
from common.config.settings import KafkaSettings, Settings
from common.http.api_docs import add_docs
from common.http.connections import ConnectionLimits
from common.http.middleware import (
    REQUEST_ID_HEADER,
    BodyLimitMiddleware,
    CorrelationMiddleware,
    RequestLogMiddleware,
    SecurityHeadersMiddleware,
    TracingMiddleware,
    UnexpectedErrorMiddleware,
)
from common.http.problems import ProblemDocument, install_problem_handlers
from common.http.protocol import BoundedProtocol
from common.observability import tracing
from common.runtime.lives import Lives
from common.runtime.single_flight import SingleFlight

Readiness = Callable[[], Awaitable[dict[str, str]]]
"""Gives the checks that fail, by name, each with the reason; nothing when ready."""

STARTUP_FAILURE = 3
"""Exit status of a process that never served, as uvicorn's own."""

KEEP_ALIVE_SECONDS = 75
"""Longer than balancers keep an idle connection: the one that closes it first must not be the one
that is about to be sent a request on it."""

EXPOSED_HEADERS = (
    *("Age", "Alerts-Confirmed-At", "Alerts-Status", "ETag", "Link", "Location", "RateLimit"),
    "RateLimit-Policy",
    "Retry-After",
    REQUEST_ID_HEADER,
)
"""What pages of other origins may read of an answer, beside what every browser gives them."""

STOPPING = {"process": "is stopping: send nothing new"}

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
    tracing.start(title.removeprefix("Burnline").strip() or "api-gateway")
    access = access or access_of(settings)
    app = FastAPI(
        title=title,
        lifespan=lifespan,
        generate_unique_id_function=lambda r: r.name,
        docs_url=None,
        redoc_url=None,
    )
    install_problem_handlers(app)
    _add_operations(app, readiness)
    add_docs(app)
    _surround(app, settings, access, body_limit_bytes)
    _complete_document(app, reads_need_key=access.reads_need_key)
    return app


def _surround(app: FastAPI, settings: Settings, access: Access, body_limit_bytes: int) -> None:
    """Add the middleware; the last one added is the outermost."""
    # the last one added is the first that a request meets
    app.add_middleware(
        BodyLimitMiddleware,
        limit_bytes=body_limit_bytes,
        timeout_seconds=settings.body_timeout_seconds,
    )
    app.add_middleware(AccessMiddleware, access=access)
    _share_with(app, settings.cors_origins)
    app.add_middleware(UnexpectedErrorMiddleware)
    if settings.debug:
        app.add_middleware(RequestLogMiddleware)
    app.add_middleware(SecurityHeadersMiddleware, shared=bool(settings.cors_origins))
    app.add_middleware(CorrelationMiddleware)
    if tracing.is_on():
        app.add_middleware(TracingMiddleware)


def _add_operations(app: FastAPI, readiness: Readiness) -> None:
    # of whoever asks, however often: what they cost the servers must not grow with that
    looked, measured = SingleFlight(readiness), SingleFlight(_measured)

    @app.get("/healthz", tags=["operations"], summary="The process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        tags=["operations"],
        summary="The service can do its work",
        responses={503: {"description": "Not ready; `failing` says what is missing"}},
        description="`warnings` says what is wrong with a process that does its work: a crash loop",
    )
    async def readyz(request: Request) -> JSONResponse:
        failing = STOPPING if is_stopping(request.app) else await looked.result()
        status = "not_ready" if failing else "ready"
        lives: Lives | None = getattr(request.app.state, "lives", None)
        return JSONResponse(
            {
                "status": status,
                "failing": failing,
                "warnings": lives.warnings() if lives is not None else {},
            },
            status_code=503 if failing else 200,
        )

    @app.get(
        "/metrics",
        tags=["operations"],
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
    )
    async def metrics() -> Response:
        return Response(await measured.result(), media_type=CONTENT_TYPE_LATEST)


async def _measured() -> bytes:
    """Return the metrics as text."""
    # read here, where nothing changes meanwhile; written elsewhere, as a long text takes time
    return await asyncio.to_thread(generate_latest, _Collected(list(REGISTRY.collect())))


class _Collected(Collector):
    """Metrics that were collected at one moment."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._families


def _share_with(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call the API. Keys go in a header: no cookies are involved."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", REQUEST_ID_HEADER),
            expose_headers=EXPOSED_HEADERS,
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
    """Run the application until it is asked to stop."""
    app.state.lives = _lives(app)
    app.state.lives.begin()
    server = make_server(app, settings, port)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _lives(app: FastAPI) -> Lives:
    name = app.title.replace(" ", "-").lower()
    if (instance := KafkaSettings().group_instance_id()) is not None:
        name = f"{name}-{instance}"
    return Lives(Path(os.environ.get("BURNLINE_DATA_DIR", ".burnline"), "lives", f"{name}.json"))


def make_server(app: FastAPI, settings: Settings, port: int) -> uvicorn.Server:
    """Return the server of an application, which is not started yet."""
    limits = ConnectionLimits(
        settings.most_connections, settings.most_connections_of_address, settings.trusted_proxies
    )
    config = uvicorn.Config(
        app,
        http=partial(BoundedProtocol, limits=limits),  # type: ignore[arg-type]
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        host=settings.host,
        port=port,
        log_config=None,  # as all else: see common.observability.logging
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return _Server(config, app, settings.drain_seconds)


def is_stopping(app: FastAPI) -> bool:
    """Return whether the process has been asked to stop, so that endless answers are to end."""
    return getattr(app.state, "stopping", False) is True


class _Server(uvicorn.Server):
    """Drain before stopping: `/readyz` fails while requests are still served.

    Load balancers see it within that time, and find no closed port before.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self._app, self._drain_seconds = app, drain_seconds
        self._asked: tuple[int, float] | None = None  # the signal, and when it came

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second signal stops at once."""
        self._app.state.stopping = True
        if (lives := getattr(self._app.state, "lives", None)) is not None:
            lives.end()
        if self._asked is None and self._drain_seconds > 0:
            self._asked = (sig, time.monotonic())
            # whoever keeps connections open to send on them lets each go after its next answer
            self.config.encoded_headers.append((b"connection", b"close"))
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Stop once drained; called ten times a second."""
        if self._asked is not None and not self.should_exit:
            sig, since = self._asked
            if time.monotonic() - since >= self._drain_seconds:
                super().handle_exit(sig, None)
        return await super().on_tick(counter)
