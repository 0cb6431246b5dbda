"""Work that a service does again and again, and the errors that it outlives."""

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
    """Do something for ever, at this interval, or at once where `woken` is set.

    What fails with an error that the loop `survives` is tried after the interval; any other error
    ends the loop. What is no fault of the world outside is logged with its traceback.
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
            wake = asyncio.Event()  # what has failed is not tried at once
        with suppress(TimeoutError):
            async with asyncio.timeout_at(max(began + seconds, loop.time())):
                await wake.wait()


@asynccontextmanager
async def background(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run loops until the block ends, then cancel them; raise what one of them has ended with."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
