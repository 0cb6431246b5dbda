"""The HTTP application: operations, the problems of a lost database, and the OpenAPI document."""

from importlib import import_module
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api_gateway.http.operations import BODY_MODELS
from api_gateway.http.remembered import AgeMiddleware
from api_gateway.http.response_cache import ResponseCache
from api_gateway.loosening.edit import ApprovalNeededError, PreviewAskedError
from api_gateway.loosening.schemas import LooseningAnswer
from api_gateway.reviews.previews import Previews
from api_gateway.reviews.service import LooseningService
from api_gateway.routers.dependencies import Services
from api_gateway.settings import GatewaySettings
from api_gateway.static_files import add_pages
from common.access.middleware import Access
from common.http.problems import Problem, problem_response
from common.service.app import Lifespan, Readiness, build_app
from common.slo.risk import RISK_BOUNDARIES
from common.storage.database import is_unavailable

log = structlog.get_logger()

REFERENCE = "#/components/schemas/{model}"

ASSUMED = "HTTPValidationError"

RISK_BOUNDARY = {
    "type": "number",
    "enum": [*RISK_BOUNDARIES.values()],
    "description": "Composite burn rates between the risk levels: OBSERVE and DANGER begin at "
    "theirs, FREEZE above its own",
}


_ROUTERS = (
    *("services", "slo", "preview", "burn", "counts", "overview", "stream", "forecast"),
    *("release", "overrides", "policies", "loosenings", "audit", "changes", "summary"),
    *("alerts", "silences", "alert_rules", "channels", "keys", "ingest"),
)
"""The modules of `api_gateway.routers`, in the order of the document."""


def gateway_app(
    settings: GatewaySettings, services: Services, lifespan: Lifespan, readiness: Readiness
) -> FastAPI:
    """Return the application on services, those of a process or of a test."""
    app = build_app(
        "Burnline",
        settings,
        lifespan=lifespan,
        readiness=readiness,
        body_limit_bytes=settings.body_limit_bytes,
        access=services.get(Access),
    )
    app.state.services, app.state.response_cache = services, services.get(ResponseCache)
    app.add_middleware(AgeMiddleware, clock=services.clock)
    for name in _ROUTERS:
        app.include_router(import_module(f"api_gateway.routers.{name}").router)
    app.add_exception_handler(PreviewAskedError, _preview)
    app.add_exception_handler(ApprovalNeededError, _wait)
    app.add_exception_handler(DBAPIError, _failed)
    app.add_exception_handler(OSError, _no_database)
    app.add_exception_handler(PoolTimeoutError, _no_database)
    _complete_document(app)
    add_pages(app, settings.dashboard_dir)
    return app


async def _preview(request: Request, asked: Exception) -> Response:
    services: Services = request.app.state.services
    edit = cast("PreviewAskedError", asked).edit
    shown = await services.get(Previews).show(edit, services.clock())
    return _json(shown)


async def _wait(request: Request, asked: Exception) -> Response:
    """Keep an edit that needs a second person."""
    services: Services = request.app.state.services
    needed, now = cast("ApprovalNeededError", asked), services.clock()
    held = await services.get(LooseningService).hold(needed.edit, needed.terms, now)
    answer = _json(LooseningAnswer.of(held, now), 202)
    answer.headers["Location"] = f"/api/loosenings/{held.id}"
    return answer


def _json(model: BaseModel, status_code: int = 200) -> Response:
    return Response(model.model_dump_json(), status_code, media_type="application/json")


async def _failed(request: Request, error: Exception) -> JSONResponse:
    if is_unavailable(error):
        return await _no_database(request, error)
    log.error("request_failed", path=request.url.path, exc_info=error)
    detail = "An unexpected error; it is in the service's log."
    return problem_response(Problem(500, "internal_error", detail))


async def _no_database(request: Request, error: Exception) -> JSONResponse:
    log.warning("database_unavailable", path=request.url.path, error=repr(error))
    detail = "The database does not answer; send the request again in a moment."
    return problem_response(
        Problem(503, "database_unavailable", detail, headers={"Retry-After": "1"})
    )


def _complete_document(app: FastAPI) -> None:
    """Add what FastAPI cannot see, bodies read strictly; take out what is not so."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        components = document.setdefault("components", {})
        _, described = models_json_schema(
            [(model, "validation") for model in BODY_MODELS], ref_template=REFERENCE
        )
        schemas = components.setdefault("schemas", {})
        schemas.update({**described.get("$defs", {}), "RiskBoundary": RISK_BOUNDARY})
        _drop_assumed_problems(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _drop_assumed_problems(document: dict[str, Any]) -> None:
    """Remove the 422 that FastAPI assumes of every path parameter, also of those that take any."""
    for item in document["paths"].values():
        for operation in item.values():
            if ASSUMED in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in (ASSUMED, "ValidationError"):
        document["components"]["schemas"].pop(name, None)
