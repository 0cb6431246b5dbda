"""Limit connections, and size and duration of HTTP/1.1 headers.

The parser has no limits of its own: without these anybody could hold connections and memory with
headers that never end. Bodies are limited by `common.http.middleware`; what is left of one after
its answer ends the connection here.
"""

import asyncio
from typing import Any, Final

from uvicorn._types import ASGISendCallable, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from common.http.connections import ConnectionLimits

MOST_HEADER_BYTES: Final = 32_768
HEADER_SECONDS: Final = 10.0
"""From the first byte of a request, or from the connection's beginning, to its last header."""

LINGER_SECONDS: Final = 2.0
"""After an answer that came before the body's end: so that who still sends can read it."""

_REFUSALS = {
    "too_many_connections": b"503 Service Unavailable",
    "too_many_connections_of_address": b"429 Too Many Requests",
}
_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class BoundedProtocol(HttpToolsProtocol):
    """Answer 431 and 408, and close the connection."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._header_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of the first request; refuse a connection too many."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else "unknown"
        if code := self._limits.enter(self._address):
            self._refuse(_REFUSALS[code], b"retry-after: 5\r\n")
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_waiting()
        self._limits.leave(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes until the headers are complete."""
        if self._is_refused:
            return
        super().data_received(data)
        if self._timer is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the timer of the next request."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """Pass the request on, unless its headers are too large."""
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEADER_BYTES:
            self._refuse(_TOO_LARGE)
        else:
            super().on_headers_complete()
            cycle, send = self.cycle, self.cycle.send

            async def ending_early(message: ASGISendEvent) -> None:
                await self._send(cycle, send, message)

            cycle.send = ending_early  # type: ignore[method-assign]

    async def _send(
        self, cycle: RequestResponseCycle, send: ASGISendCallable, message: ASGISendEvent
    ) -> None:
        """Send a message; an answer that begins before the body's end is the connection's last.

        Whoever sends a byte a second after it would hold the connection for as long as he likes.
        """
        if message["type"] != "http.response.start" or not cycle.more_body:
            await send(message)
            return
        headers = [*message.get("headers", ()), (b"connection", b"close")]
        await send({**message, "headers": headers})
        cycle.keep_alive = True  # closed by `on_response_complete`, not with what was sent unread

    def on_response_complete(self) -> None:
        """Go on with the next request; without one that is whole there is none."""
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._is_refused = True
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def on_body(self, body: bytes) -> None:
        """Drop the body of a refused request."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Drop the end of a refused request."""
        if not self._is_refused:
            super().on_message_complete()

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._header_bytes = 0
        self._timer = self.loop.call_later(HEADER_SECONDS, self._refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes, headers: bytes = b"") -> None:
        self._stop_waiting()
        self._is_refused = True
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 %b\r\n%bconnection: close\r\ncontent-length: 0\r\n\r\n"
                % (status, headers)
            )
            self.transport.close()
