"""Back-pressure: bounds the events that wait for the broker, and how long a body is read for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import Final, TypeVar

from common.http.problems import Problem
from ingest.metrics import IN_FLIGHT

T = TypeVar("T")

RETRY_AFTER_SECONDS = "1"


class InFlightLimit:
    """Counts the events in flight, in one event loop: no lock is needed."""

    def __init__(self, max_events: int) -> None:
        self._max_events, self._events = max_events, 0

    @contextmanager
    def hold(self, events: int) -> Iterator[None]:
        """Count the events during the block; raise Problem 429 beyond the bound."""
        if self._events + events > self._max_events:
            raise Problem(
                429,
                "too_many_in_flight",
                f"{self._events} events wait for the broker and at most {self._max_events} may; "
                "none of this request was taken. Send it again after Retry-After.",
                headers={"Retry-After": RETRY_AFTER_SECONDS},
            )
        self._events += events
        IN_FLIGHT.set(self._events)
        try:
            yield
        finally:
            self._events -= events
            IN_FLIGHT.set(self._events)


TURN_SECONDS: Final = 0.002
"""How long a large body holds the loop, at most, before all others have a turn."""
LONGEST_PAUSE_SECONDS: Final = 0.05
SMALL_BYTES: Final = 16_384


async def in_turns(steps: Iterable[T]) -> AsyncIterator[T]:
    """Give each step, and after each turn at least as long a time to all others.

    A pause that was overslept says that others have much to do: the next one is longer.
    """
    began, pause_seconds = perf_counter(), TURN_SECONDS
    for step in steps:
        yield step
        if (ended := perf_counter()) - began > TURN_SECONDS:
            await asyncio.sleep(pause_seconds)
            began = perf_counter()
            overslept_seconds = began - ended - pause_seconds
            pause_seconds = min(TURN_SECONDS + 2 * overslept_seconds, LONGEST_PAUSE_SECONDS)


class Turns:
    """Lets one large body be read at a time, and of each sender one wait for that.

    Else three senders of garbage would have the loop three times as often as all others.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._of: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def taken(self, sender: str, size_bytes: int) -> AsyncIterator[None]:
        """Wait for the sender's turn; a small body needs none."""
        if size_bytes <= SMALL_BYTES:
            yield
            return
        own = self._of.setdefault(sender, asyncio.Lock())
        self._waiting[sender] += 1
        try:
            async with own, self._one:
                yield
        finally:
            self._waiting[sender] -= 1
            if not self._waiting[sender]:
                del self._waiting[sender], self._of[sender]
