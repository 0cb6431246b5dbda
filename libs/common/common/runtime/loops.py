"""Run work in loops that outlive transient errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.kafka.client import UnknownOutcomeError
from common.runtime.metrics import LOOP_SUCCESS

log = structlog.get_logger()

TRANSIENT_ERRORS = (
    UnknownOutcomeError,
    KafkaError,
    DBAPIError,
    PoolTimeoutError,
    OSError,
    TimeoutError,
)
"""Errors of the world outside: they pass, and the same call may succeed the next time."""


@dataclass(slots=True)
class _LoopState:
    succeeded_at: float  # the event loop's seconds; of a new one its beginning
    error: str | None = None


class LoopWatch:
    """The loops that run where it is the present one, by name."""

    def __init__(self) -> None:
        self._loops: dict[str, _LoopState] = {}

    def begun(self, name: str, now: float) -> _LoopState:
        """Return the state of a loop that begins."""
        state = self._loops[name] = _LoopState(now)
        return state

    def late(self, names: Collection[str], limit_seconds: float) -> dict[str, str]:
        """Return by name why loops have not done their work for as long as the limit."""
        now, found = asyncio.get_running_loop().time(), {}
        for name, state in self._loops.items():
            seconds = now - state.succeeded_at
            if name in names and seconds >= limit_seconds:
                reason = state.error or "it has not come to its end"
                found[name] = f"has not succeeded for {seconds:.0f} s: {reason}"
        return found


PRESENT_WATCH: Final[ContextVar[LoopWatch]] = ContextVar("loop_watch")
"""Set it before loops are started in the same context."""


async def every(
    seconds: float,
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    woken: asyncio.Event | None = None,
    survives: tuple[type[Exception], ...] = TRANSIENT_ERRORS,
) -> None:
    """Do work until cancelled, at this interval, or at once when `woken` is set.

    After an error that the loop `survives` it goes on one interval later; any other error ends
    it. Errors that are not transient are logged with their traceback.
    """
    loop = asyncio.get_running_loop()
    state = PRESENT_WATCH.get(LoopWatch()).begun(name, loop.time())
    while True:
        began, wake = loop.time(), woken or asyncio.Event()
        wake.clear()
        try:
            await work()
            LOOP_SUCCESS.labels(name).set_to_current_time()
            state.succeeded_at, state.error = loop.time(), None
        except survives as error:
            defect = None if isinstance(error, TRANSIENT_ERRORS) else error
            state.error = repr(error)
            log.warning("loop_retry", loop=name, error=repr(error), exc_info=defect)
            # not at once, however long it took to fail: others may hold what it waited for, or
            # wait for what it held
            began, wake = loop.time(), asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(max(began + seconds, loop.time())):
                await wake.wait()


@asynccontextmanager
async def background(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run loops until the block ends, then cancel them; raise the error of one that has failed."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
