"""Wrap every HTTP handler: correlation id, traces, security headers, limits, error handling."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.http.connections import counted_address
from common.http.problems import Problem, problem_response
from common.observability import tracing
from common.observability.logging import correlated, is_correlation_id, new_correlation_id

log = structlog.get_logger()

REQUEST_ID_HEADER = "X-Request-ID"
SECURITY_HEADERS = {
    # answers of the API are data; what is a page brings a policy of its own
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRICT_TRANSPORT = "max-age=31536000"
"""Once it came by TLS, a browser comes by TLS only."""

_REDIRECTS = range(300, 400)
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})


class HttpMiddleware(ABC):
    """Base of middleware for HTTP; other ASGI scopes pass through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        serve = self.serve if scope["type"] == "http" else self._app
        await serve(scope, receive, send)

    @abstractmethod
    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""


def client_address(scope: Scope) -> str:
    """Return the address of whoever sends, as a trusted proxy says, or as the connection has it.

    Of IPv6 it is the network, by which senders are counted.
    """
    client = scope.get("client")
    return counted_address(client[0]) if client else "unknown"


def at_start(send: Send, do: Callable[[Message], None]) -> Send:
    """Return a `send` that first calls `do` with the start of the response."""

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start":
            do(message)
        await send(message)

    return watched


class CorrelationMiddleware(HttpMiddleware):
    """Take the caller's request id, or generate one; bind it to the logs and return it."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if is_correlation_id(given) else new_correlation_id()

        def add_id(message: Message) -> None:
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id

        with correlated(request_id):
            await self._app(scope, receive, at_start(send, add_id))


class TracingMiddleware(HttpMiddleware):
    """Trace each request, so that the records it publishes carry the trace."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return

        def note_status(message: Message) -> None:
            scope["burnline.status"] = message["status"]

        with tracing.request_span(scope):
            await self._app(scope, receive, at_start(send, note_status))


class SecurityHeadersMiddleware(HttpMiddleware):
    """Add security headers to every response, and lead nobody to another server.

    `shared`: other origins may read answers.
    """

    def __init__(self, app: ASGIApp, *, shared: bool = False) -> None:
        super().__init__(app)
        policy = {"Cross-Origin-Resource-Policy": "cross-origin"} if shared else {}
        self._headers = SECURITY_HEADERS | policy

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        def add_headers(message: Message) -> None:
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if scope.get("scheme") == "https":
                headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
            if message["status"] in _REDIRECTS and "Location" in headers:
                headers["Location"] = _on_this_server(headers["Location"])

        await self._app(scope, receive, at_start(send, add_headers))


def _on_this_server(location: str) -> str:
    """Return where a redirect leads without the host, which is what the caller's header says."""
    parts = urlsplit(location)
    return urlunsplit(("", "", "/" + parts.path.lstrip("/\\"), parts.query, parts.fragment))


class RequestLogMiddleware(HttpMiddleware):
    """Log method, path, status and duration of each request, for DEBUG.

    Never the query, the headers or the body.
    """

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began, status = time.monotonic(), 0

        def note_status(message: Message) -> None:
            nonlocal status
            status = message["status"]

        try:
            await self._app(scope, receive, at_start(send, note_status))
        finally:
            log.debug(
                "request_served",
                method=scope["method"],
                path=scope["path"],
                status=status,
                seconds=round(time.monotonic() - began, 6),
            )


class UnexpectedErrorMiddleware(HttpMiddleware):
    """Answer 500 to an unhandled exception, and log it with the request's id."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        def note_start(_: Message) -> None:
            nonlocal started
            started = True

        try:
            await self._app(scope, receive, at_start(send, note_start))
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if started:
                raise
            detail = "An unexpected error; it is in the service's log."
            await problem_response(Problem(500, "internal_error", detail))(scope, receive, send)


class BodyLimitMiddleware(HttpMiddleware):
    """Answer 413 to bodies over the limit, declared or streamed, and 408 to slow ones."""

    def __init__(self, app: ASGIApp, limit_bytes: int, timeout_seconds: float) -> None:
        super().__init__(app)
        self._limit_bytes, self._timeout_seconds = limit_bytes, timeout_seconds

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
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
    """Receive a request's body within its limits; `fault` is the one that was exceeded."""

    def __init__(self, receive: Receive, limit_bytes: int, timeout_seconds: float) -> None:
        self._receive, self._limit_bytes = receive, limit_bytes
        self._timeout_seconds = timeout_seconds
        self._deadline = asyncio.get_running_loop().time() + timeout_seconds
        self._seen_bytes, self._is_complete = 0, False
        self.fault: Problem | None = None

    async def receive(self) -> Message:
        """Return the next message; after the body there is no time limit."""
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
    """Return the problem of a body that is not received in time."""
    detail = f"The body did not come within {timeout_seconds:g} s."
    return Problem(408, "body_too_slow", detail, headers={"Connection": "close"})
