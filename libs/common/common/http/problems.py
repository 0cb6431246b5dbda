"""Answer errors as RFC 9457 problems that name the field and the fix."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from common.observability.logging import correlation_id
from common.patterns import in_words

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing wrong with a request."""

    field: str = Field(description="JSON path of the field, such as `total` or `[3].latency`")
    code: str
    detail: str = Field(description="What is wrong and how to mend it")


class ProblemDocument(BaseModel):
    """An RFC 9457 problem."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] = []


class Problem(Exception):  # noqa: N818 - the RFC's word
    """Raise to answer with a problem; `detail` says the fix."""

    def __init__(  # noqa: PLR0913 - the members of the RFC
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers, self.extra = errors, dict(headers or {}), dict(extra or {})


PROBLEM_CODE = "burnline.problem_code"
"""Under which the scope of a request holds the code of the problem that it is answered with."""


class ProblemResponse(JSONResponse):
    """A problem, whose code whoever surrounds the application finds in the scope."""

    media_type = MEDIA_TYPE

    def __init__(self, code: str, content: Mapping[str, Any], **options: Any) -> None:
        super().__init__(content, **options)
        self._code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        scope[PROBLEM_CODE] = self._code
        await super().__call__(scope, receive, send)


def problem_response(problem: Problem) -> JSONResponse:
    """Return the problem as a response."""
    document = ProblemDocument(
        type=f"urn:burnline:problem:{problem.code}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.detail,
        instance=f"urn:request:{correlation_id() or 'unknown'}",
        code=problem.code,
        errors=list(problem.errors),
    )
    return ProblemResponse(
        problem.code,
        {**document.model_dump(), **problem.extra},
        status_code=problem.status,
        headers=problem.headers,
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of the problems that an operation may answer."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in statuses
    }


_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
_MAX_FIELD_LENGTH = 128


def field_path(location: Sequence[int | str]) -> str:
    """Return a location such as ('body', 3, 'latency') as `[3].latency`."""
    parts = location[1:] if location and location[0] in _PLACES else location
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
    return path.removeprefix(".")[:_MAX_FIELD_LENGTH] or "body"


def _invalid(error: RequestValidationError) -> Problem:
    # the input itself is left out: it may hold a secret
    errors = [
        _not_json(e)
        if e["type"] == "json_invalid"
        else FieldError(field=field_path(e["loc"]), code=e["type"], detail=in_own_words(e))
        for e in error.errors()
    ]
    first = errors[0]
    detail = f"{first.field}: {first.detail}"
    return Problem(422, "invalid_request", detail, errors=errors)


def in_own_words(error: Mapping[str, Any]) -> str:
    """Return what pydantic says of a field, without the pattern that a text does not match."""
    if error["type"] == "string_pattern_mismatch":
        return in_words(error["ctx"]["pattern"])
    said: str = error["msg"]
    return said


def _not_json(error: Mapping[str, Any]) -> FieldError:
    reason = error.get("ctx", {}).get("error", error["msg"])
    place = error["loc"][-1]
    at = f" at character {place}" if isinstance(place, int) else ""
    return FieldError(field="body", code="invalid_json", detail=f"is not JSON{at}: {reason}")


def _method_not_allowed(app: FastAPI, request: Request) -> Problem:
    """Name all methods of the path; the router knows those of one operation only."""
    allowed = ", ".join(method for method in _METHODS if _takes(app, request, method))
    detail = f"{request.method} is not defined here; this path takes {allowed}."
    return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})


def _takes(app: FastAPI, request: Request, method: str) -> bool:
    # a documented path without parameters is what is meant, also where one with them matches it
    if (documented := _documented(app).get(request.scope["path"])) is not None:
        return method in documented
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)


def _documented(app: FastAPI) -> dict[str, frozenset[str]]:
    """Return the methods of each path of the document, which costs too much for each refusal."""
    if not hasattr(app.state, "documented_methods"):
        app.state.documented_methods = {
            path: frozenset(method.upper() for method in item)
            for path, item in app.openapi()["paths"].items()
        }
    found: dict[str, frozenset[str]] = app.state.documented_methods
    return found


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the application an RFC 9457 problem."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(_invalid(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            return problem_response(_method_not_allowed(app, request))
        code = HTTPStatus(error.status_code).name.lower()
        return problem_response(
            Problem(error.status_code, code, str(error.detail), headers=error.headers)
        )
