"""Traces HTTP requests; stands before all other middleware, and only where tracing is on."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.observability import tracing

_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})


class TracingMiddleware:
    """A span for each request, so that what it publishes carries its trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return

        async def send_noting_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["burnline.status"] = message["status"]
            await send(message)

        with tracing.request_span(scope):
            await self._app(scope, receive, send_noting_status)
