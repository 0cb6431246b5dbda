"""The gateway as it is fuzzed: filled, patient with writes and quick to answer."""

import asyncio
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fuzz.openapi import Expected, refusals
from tests.support.gateway import fixtures
from tests.support.gateway.database import GatewayDatabase
from tests.support.gateway.filled import answer_all, fill

Result = TypeVar("Result")

SETTINGS: Final[dict[str, Any]] = {
    **fixtures.SETTINGS,
    "compute_timeout_seconds": 5,
    "override_visible_seconds": 0.001,
    "channel_test_timeout_seconds": 0.001,
    "write_burst": 10**6,
    "writes_per_second": 10**6,
    "read_burst": 10**6,
    "reads_per_second": 10**6,
}
_FREE_FIELDS: Final = frozenset({"changes", "document", "event", "secrets"})
"""Objects of which the document says in words what they hold, so that any code may refuse them."""

_STAY_READABLE: Final = frozenset(
    {"DELETE /api/release/{service_name}/override/{id}", "DELETE /api/silences/{id}"}
)
"""Operations that end what they name: it is there to be read as before, with who ended it."""


EXPECTED: Final = Expected(refusals("gateway"), _FREE_FIELDS, _STAY_READABLE)


@contextmanager
def filled_gateway(url: str) -> Iterator[ASGIApp]:
    """Give the application on a database, with something of each kind; shards answer commands.

    It runs in a loop of its own, which its connections belong to, whatever loop it is asked from.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    database = GatewayDatabase.at(url)
    opened = fixtures.gateway_on(SETTINGS, database)

    def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    try:
        gateway = run(opened.__aenter__())
        run(fill(gateway))
        gateway.sender.answer = partial(answer_all, gateway)
        yield _asked_from_anywhere(gateway.app, loop)
    finally:
        run(opened.__aexit__(None, None, None))
        run(database.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _asked_from_anywhere(app: ASGIApp, own: asyncio.AbstractEventLoop) -> ASGIApp:
    """Return an application that is run by its own loop, and talks to the loop that asks."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # there is nothing in it, and its end comes after that loop
            await app(scope, receive, send)
            return
        asking = asyncio.get_running_loop()

        async def received() -> Message:
            return await _in(asking, receive())

        async def sent(message: Message) -> None:
            await _in(asking, send(message))

        await _in(own, app(scope, received, sent))

    return asked


async def _in(loop: asyncio.AbstractEventLoop, awaited: Awaitable[Result]) -> Result:
    """Await something in another loop."""

    async def run() -> Result:
        return await awaited

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), loop))
