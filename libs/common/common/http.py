"""What stands before every HTTP handler: correlation id, last resort, body limit."""

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.logging import correlated, is_correlation_id, new_correlation_id
from common.problems import Problem, problem_response

log = structlog.get_logger()

REQUEST_ID_HEADER = "X-Request-ID"


class CorrelationMiddleware:
    """Take the caller's request id, or make one; bind it to the logs and send it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if is_correlation_id(given) else new_correlation_id()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with correlated(request_id):
            await self._app(scope, receive, send_with_id)


class UnexpectedErrorMiddleware:
    """Answer 500 to what no handler has caught; it is logged with the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if started:
                raise
            detail = "An unexpected error; it is in the service's log."
            await problem_response(Problem(500, "internal_error", detail))(scope, receive, send)


class BodyLimitMiddleware:
    """Answer 413 to bodies over the limit, declared or streamed."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app, self._limit_bytes = app, limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("Content-Length", "0")
        if declared.isdigit() and int(declared) > self._limit_bytes:
            await problem_response(self._too_large())(scope, receive, send)
            return
        await self._watch(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, started = 0, False

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit_bytes:
                raise self._too_large()
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if seen > self._limit_bytes and not started:
                return  # what the application makes of a body that was cut off
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, limited, watched)
        except Problem:
            if started:
                raise
        if seen > self._limit_bytes and not started:
            await problem_response(self._too_large())(scope, receive, send)

    def _too_large(self) -> Problem:
        detail = f"The body is larger than {self._limit_bytes} bytes; send it in several requests."
        return Problem(413, "body_too_large", detail)
