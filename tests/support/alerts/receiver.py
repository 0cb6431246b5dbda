"""A receiver of notifications on loopback that records what reaches it and answers as asked."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.servers.proxy import HOST, ThreadedServer


@dataclass(frozen=True, slots=True)
class Received:
    """A request that arrived in full; the names of headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver does with a request, once it has recorded it."""

    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    raw: bytes | None = None  # sent as it is instead of an answer

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status_code} x", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


GARBAGE: Final = Answer(raw=b"\x00\xff no HTTP at all \r\n\r\n")
HANG_UP: Final = Answer(raw=b"")
NEVER: Final = Answer(delay_seconds=3600)


class Receiver(ThreadedServer):
    """Answers with `answers` first, one to each request, then with what `decide` says."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        super().__init__(ssl_context)
        self.received: list[Received] = []
        self.accepted: list[Received] = []  # those that were answered with a success
        self.answers: deque[Answer] = deque()
        self.decide: Callable[[Received], Answer] = lambda _: Answer()
        self.at_once = self.most_at_once = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self._ssl_context else ''}://{HOST}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # the client has gone, or the test is over
        with suppress(
            ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError
        ):
            while await self._serve_one(reader, writer):
                pass

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        received = Received(request.split(" ")[1], headers, body)
        self.received.append(received)
        answer = self.answers.popleft() if self.answers else self.decide(received)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(answer.delay_seconds)
        finally:
            self.at_once -= 1
        if answer.raw is None and answer.status_code in range(200, 300):
            self.accepted.append(received)
        writer.write(answer.encoded())
        await writer.drain()
        return answer.raw is None


@contextmanager
def receiving(ssl_context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver(ssl_context)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
