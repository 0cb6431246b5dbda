"""Answers kept ready as bytes: made when something has changed, sent to all who ask until then.

An operation takes part by `route_class=ReadyRoute` and by answering with `ResponseCache.answer`.
While its answer is fresh the route sends it before parameters are even read: the same path and
query were found valid when the answer was made.
"""

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import xxhash
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from common.config.clock import Clock

MAX_AGE = timedelta(seconds=2)
"""What nothing has changed is made anew after this: silence and age are seen by the clock alone."""

MAKING_SHARE = 0.03
"""Of a core, spent at most on making one answer again and again."""

MOST_ANSWERS, MOST_BYTES = 4096, 64 * 2**20
_NONE = timedelta()
_LEAST_PACKED_BYTES = 512
_PACKING_LEVEL = 4  # of 9: about a third of the time of 6 for 5 % more bytes

UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "As it was when the ETag sent in `If-None-Match` was given"}
}
"""OpenAPI: what an operation whose answers are kept ready answers too."""

Version = Callable[[], Hashable]


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A body of JSON and headers that belong to it.

    For as long as `hold` only urgent changes concern it. After `until` it does not hold.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: timedelta = timedelta()
    until: datetime | None = None


Make = Callable[[], Awaitable[CachedResponse]]


class ReadyResponse(Response):
    """A response that is sent many times: whoever adds a header adds it to a copy."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it once."""
        del scope, receive
        start = {"status": self.status_code, "headers": [*self.raw_headers]}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self.body})


class _Answer:
    """One answer in its three forms: plain, packed (a short one is not), and unchanged."""

    def __init__(self, made: CachedResponse) -> None:
        etag = f'"{xxhash.xxh3_128_hexdigest(made.body)}"'
        self._etag = etag.encode()
        shared = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        headers = {**shared, **made.headers}
        self._plain = _json(made.body, headers)
        self._unchanged = ReadyResponse(status_code=304, headers=headers)
        self._packed = self._plain
        if len(made.body) >= _LEAST_PACKED_BYTES:
            packed = gzip.compress(made.body, _PACKING_LEVEL, mtime=0)
            self._packed = _json(packed, {**headers, "Content-Encoding": "gzip"})
        self.size = len(self._plain.body) + len(self._packed.body)

    def form(self, scope: Scope) -> ReadyResponse:
        """Return the form that the request asks for."""
        packable = False
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                packable = b"gzip" in value and b"gzip;q=0" not in value
            elif name == b"if-none-match" and (self._etag in value or value == b"*"):
                return self._unchanged
        return self._packed if packable else self._plain


def _json(body: bytes, headers: Mapping[str, str]) -> ReadyResponse:
    return ReadyResponse(body, media_type="application/json", headers=dict(headers))


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer with what it was made of, when, and in how many seconds."""

    answer: _Answer
    made_at: datetime
    seconds: float
    version: Hashable
    urgent: Hashable
    watch: Version
    hold: timedelta
    until: datetime | None


class ResponseCache:
    """The answers of a process. `urgent` changes make an answer anew at once, others soon.

    `soon` bounds how old an answer may be when something has changed: it is made anew once that
    takes no more than MAKING_SHARE of the time, and after `soon` at the latest.
    """

    def __init__(self, clock: Clock, version: Version, urgent: Version, soon: timedelta) -> None:
        self._clock, self._version, self._urgent, self._soon = clock, version, urgent, soon
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making: dict[str, asyncio.Lock] = {}
        self._bytes = 0

    def fresh(self, scope: Scope) -> ReadyResponse | None:
        """Return the response to a request if it is ready."""
        kept = self._kept.get(_key(scope))
        if kept is None or scope["method"] != "GET" or not self._is_fresh(kept):
            return None
        return kept.answer.form(scope)

    async def answer(self, request: Request, make: Make, watch: Version = lambda: None) -> Response:
        """Return the response to a request; where it is not ready, it is made, once for all.

        `watch` adds what is an urgent change for this answer alone.
        """
        key = _key(request.scope)
        making = self._making.setdefault(key, asyncio.Lock())
        try:
            async with making:
                kept = self._kept.get(key)
                if kept is None or not self._is_fresh(kept):
                    kept = await self._made(make, watch)
                    self._keep(key, kept)
        finally:
            if not making.locked():
                self._making.pop(key, None)
        return kept.answer.form(request.scope)

    async def _made(self, make: Make, watch: Version) -> _Kept:
        # read before it is made: what changes meanwhile makes it anew
        version, urgent, made_at = self._version(), (self._urgent(), watch()), self._clock()
        begun = perf_counter()
        made = await make()
        answer = _Answer(made)
        seconds = perf_counter() - begun
        return _Kept(answer, made_at, seconds, version, urgent, watch, made.hold, made.until)

    def _is_fresh(self, kept: _Kept) -> bool:
        now = self._clock()
        age = now - kept.made_at
        if kept.urgent != (self._urgent(), kept.watch()) or age < _NONE:
            return False
        if kept.until is not None and now >= kept.until:
            return False
        if age < kept.hold:
            return True
        if kept.version == self._version():
            return age < MAX_AGE
        return age < min(self._soon, timedelta(seconds=kept.seconds / MAKING_SHARE))

    def _keep(self, key: str, kept: _Kept) -> None:
        old = self._kept.pop(key, None)
        self._bytes += kept.answer.size - (old.answer.size if old else 0)
        self._kept[key] = kept
        while len(self._kept) > MOST_ANSWERS or self._bytes > MOST_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.answer.size


class ReadyRoute(APIRoute):
    """A route whose answers may be ready: then nothing else is done for a request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handler = super().get_route_handler()

        async def ready_or_made(request: Request) -> Response:
            ready: ResponseCache = request.app.state.response_cache
            return ready.fresh(request.scope) or await handler(request)

        return ready_or_made


def _key(scope: Scope) -> str:
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path
