"""How tests wait: for a condition, and far longer than a busy machine takes to meet it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

PATIENCE_SECONDS: Final = 120.0
"""The bound of whatever a test waits for. How fast something is, benchmarks say."""

_POLL_SECONDS: Final = 0.01


async def until(holds: Callable[[], Any]) -> Any:
    """Ask again and again, and return the first answer that is true; it may have to be awaited."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await _answer(holds)):
            await asyncio.sleep(_POLL_SECONDS)
    return found


async def _answer(holds: Callable[[], Any]) -> Any:
    found = holds()
    return await found if isinstance(found, Awaitable) else found
