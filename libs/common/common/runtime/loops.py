"""Run work in loops that outlive transient errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

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
    while True:
        began, wake = loop.time(), woken or asyncio.Event()
        wake.clear()
        try:
            await work()
            LOOP_SUCCESS.labels(name).set_to_current_time()
        except survives as error:
            defect = None if isinstance(error, TRANSIENT_ERRORS) else error
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
