"""What stands before every HTTP handler: correlation id, last resort, body limit."""

import asyncio

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.http.problems import Problem, problem_response
from common.observability.logging import correlated, is_correlation_id, new_correlation_id

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
    """Answer 413 to bodies over the limit, declared or streamed, and 408 to those that linger."""

    def __init__(self, app: ASGIApp, limit_bytes: int, timeout_seconds: float) -> None:
        self._app, self._limit_bytes, self._timeout_seconds = app, limit_bytes, timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("Content-Length", "0")
        if declared.isdigit() and int(declared) > self._limit_bytes:
            await problem_response(too_large(self._limit_bytes))(scope, receive, send)
            return
        await self._watch(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _BoundedBody(receive, self._limit_bytes, self._timeout_seconds)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if body.fault is not None and not started:
                return  # what the application makes of a body that was cut off
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, body.receive, watched)
        except Problem:
            if started or body.fault is None:
                raise
        if body.fault is not None and not started:
            await problem_response(body.fault)(scope, receive, send)


class _BoundedBody:
    """Gives a request's body as long as it is within its bounds; then `fault` says which not."""

    def __init__(self, receive: Receive, limit_bytes: int, timeout_seconds: float) -> None:
        self._receive, self._limit_bytes = receive, limit_bytes
        self._timeout_seconds = timeout_seconds
        self._deadline = asyncio.get_running_loop().time() + timeout_seconds
        self._seen_bytes, self._is_complete = 0, False
        self.fault: Problem | None = None

    async def receive(self) -> Message:
        """Return the next part; once the body is there, what follows may take its time."""
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            self.fault = too_slow(self._timeout_seconds)
            raise self.fault from None
        self._is_complete = not message.get("more_body", False)
        self._seen_bytes += len(message.get("body", b""))
        if self._seen_bytes > self._limit_bytes:
            self.fault = too_large(self._limit_bytes)
            raise self.fault
        return message


def too_large(limit_bytes: int) -> Problem:
    """Return the problem of a body over the limit."""
    detail = f"The body is larger than {limit_bytes} bytes; send it in several requests."
    return Problem(413, "body_too_large", detail)


def too_slow(timeout_seconds: float) -> Problem:
    """Return the problem of a body that does not come to its end."""
    detail = f"The body did not come within {timeout_seconds:g} s."
    return Problem(408, "body_too_slow", detail, headers={"Connection": "close"})
