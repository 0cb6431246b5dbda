"""Do a piece of work once for all who ask for it while it is under way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Whoever asks while the work is done waits for that: many who ask cost no more than one."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._under_way: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """Return what the work gives, or raise its error; who no longer waits does not end it."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._done())
        return await asyncio.shield(self._under_way)

    async def _done(self) -> T:
        return await self._work()
