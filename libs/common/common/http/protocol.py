"""Limit size and duration of HTTP/1.1 headers.

The parser has no limits of its own: without these anybody could hold connections and memory with
headers that never end. Bodies are limited by `common.http.middleware`.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEADER_BYTES: Final = 32_768
HEADER_SECONDS: Final = 10.0
"""From the first byte of a request, or from the connection's beginning, to its last header."""

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class BoundedProtocol(HttpToolsProtocol):
    """Answer 431 and 408, and close the connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._header_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of the first request."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_waiting()
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

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        self._is_refused = True
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()
