"""Clients of two gateways: one behind a balancer that looks at `/readyz`, and readers of streams.

The balancer does what they all do: it asks who is ready, sends to them in turn (to all where nobody
says so), and goes to the next where a connection is refused, or where one that it had kept open is
closed before a read is answered. Whatever else goes wrong reaches its client as an error.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx

from burnline.localstack.services import PLAIN_HTTP
from common.runtime.loops import background
from tests.support.waiting import PATIENCE_SECONDS

LOOK_SECONDS: Final = 0.2
_ATTEMPTS: Final = 3
_READY_SECONDS: Final = 240.0
SERVICE: Final = "service-01"
READS: Final = (
    "/api/services",
    "/api/burn",
    f"/api/slo/{SERVICE}",
    f"/api/burn/{SERVICE}",
    f"/api/forecast/{SERVICE}",
    f"/api/release/{SERVICE}",
    "/api/alerts",
    "/api/summary",
)
CHECK: Final = f"/api/release/{SERVICE}/check"


@dataclass
class Balancer:
    """Sends requests to the gateways that are ready; `errors` are those that clients saw."""

    urls: Sequence[str]
    headers: dict[str, str]
    answered: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    sent_again: int = 0
    _turn: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._ready = dict.fromkeys(self.urls, False)
        self._stopping = dict.fromkeys(self.urls, False)
        self._under_way: Counter[str] = Counter()

    async def run(self, requests_per_second: float, until: asyncio.Event) -> None:
        """Send reads, and a write every tenth time, until asked to stop."""
        async with (
            gateway_client(self.headers) as client,
            background(*(self._look(client, url) for url in self.urls)),
        ):
            await asyncio.gather(*map(self.wait_ready, self.urls))
            due = time.monotonic()
            async with asyncio.TaskGroup() as asking:
                while not until.is_set():
                    number = next(self._turn)
                    read = ("GET", READS[number % len(READS)])
                    method, path = ("POST", CHECK) if number % 10 == 9 else read
                    asking.create_task(self._ask(client, method, path, number))
                    due += 1 / requests_per_second
                    await asyncio.sleep(max(0.0, due - time.monotonic()))

    @property
    def requests(self) -> int:
        """How many requests have been answered or have failed."""
        return self.answered.total() + len(self.errors)

    async def wait_ready(self, url: str) -> None:
        """Wait until it knows that a gateway is ready."""
        async with asyncio.timeout(_READY_SECONDS):
            while not self._ready[url]:
                await asyncio.sleep(LOOK_SECONDS)

    async def wait_left(self, url: str) -> None:
        """Wait until it knows that a gateway is stopping, and waits for no answer of it."""
        async with asyncio.timeout(_READY_SECONDS):
            while not self._stopping[url] or self._under_way[url]:
                await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, client: httpx.AsyncClient, url: str) -> None:
        while True:
            try:
                answer = await client.get(f"{url}/readyz")
                self._ready[url] = answer.is_success
                self._stopping[url] = "process" in answer.json()["failing"]
            except httpx.ConnectError:
                self._ready[url] = False
            except httpx.HTTPError:
                pass  # slow, or closing: the next look says more
            await asyncio.sleep(LOOK_SECONDS)

    async def _ask(self, client: httpx.AsyncClient, method: str, path: str, number: int) -> None:
        ready = [url for url in self.urls if self._ready[url]] or self.urls
        for turn in range(_ATTEMPTS):
            url = ready[(number + turn) % len(ready)]
            try:
                self._under_way[url] += 1
                answer = await client.request(method, f"{url}{path}")
            except httpx.HTTPError as error:
                if turn + 1 < _ATTEMPTS and _may_go_to_the_next(method, error):
                    self.sent_again += 1
                    continue
                self.errors.append(f"{url} {method} {path}: {error!r}")
                return
            finally:
                self._under_way[url] -= 1
            self.answered[answer.status_code] += 1
            if not answer.is_success:
                self.errors.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return


@dataclass
class StreamReader:
    """Reads the events of one gateway, and comes back whenever the stream has ended."""

    url: str
    resets: int = 0
    ended: int = 0
    torn: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Read for ever; cancel to stop."""
        async with gateway_client({}) as client:
            while True:
                # where no answer begins, nobody has promised anything: it comes again
                with suppress(httpx.HTTPError):
                    async with client.stream("GET", f"{self.url}/api/stream") as answer:
                        await self._read(answer)
                await asyncio.sleep(LOOK_SECONDS)

    async def _read(self, answer: httpx.Response) -> None:
        """Read a stream that has begun, which is to end in order."""
        try:
            async for line in answer.aiter_lines():
                self.resets += line == "event: reset"
        except httpx.HTTPError as error:
            self.torn.append(repr(error))
        else:
            self.ended += 1


def _may_go_to_the_next(method: str, error: httpx.HTTPError) -> bool:
    closed = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError)
    return isinstance(error, httpx.ConnectError) or (closed and method == "GET")


def gateway_client(headers: dict[str, str]) -> httpx.AsyncClient:
    """Return a client that asks our processes directly, with these headers."""
    return httpx.AsyncClient(
        headers=headers, timeout=PATIENCE_SECONDS, trust_env=False, verify=PLAIN_HTTP
    )
