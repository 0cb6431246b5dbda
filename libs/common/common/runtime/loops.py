"""Work that a service does again and again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from common.runtime.metrics import LOOP_SUCCESS
from common.runtime.transient import TRANSIENT_ERRORS

log = structlog.get_logger()


async def every(seconds: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again; what fails for reasons outside is tried at the next turn."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await work()
            LOOP_SUCCESS.labels(name).set_to_current_time()
        except TRANSIENT_ERRORS as error:
            log.warning("loop_retry", loop=name, error=repr(error))
        await asyncio.sleep(max(0.0, seconds - (loop.time() - began)))
