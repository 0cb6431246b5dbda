"""The gateway as it is fuzzed: filled, patient with writes and quick to answer."""

import asyncio
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fuzz.openapi import Expected
from tests.support.burn_events import PARTITIONS
from tests.support.gateway.database import GatewayDatabase
from tests.support.gateway.filled import answer_all, fill
from tests.support.gateway.fixtures import gateway_on
from tests.support.gateway.harness import TOKEN

Result = TypeVar("Result")

SETTINGS: Final[dict[str, Any]] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "partitions": PARTITIONS,
    "api_token": TOKEN,
    "ready_seconds": 0,
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

_CURSOR: Final = frozenset({"invalid_cursor"})
_SPAN: Final = frozenset({"empty_span", "invalid_timestamp"})
_INSTANT: Final = frozenset({"datetime_from_date_parsing", "datetime_parsing", "out_of_range"})
_TRIMMED: Final = frozenset({"string_too_short"})
_RULE: Final = frozenset({"circle", "missing", "unknown_channel", "unknown_field"}) | _TRIMMED
_TARGET: Final = frozenset(
    {
        "contradiction",
        "differs_from_path",
        "invalid_objective",
        "missing",
        "not_a_bound",
        "not_applicable",
        "too_many_decimal_places",
    }
)
_RULES: Final[dict[str, frozenset[str]]] = {
    "DELETE /api/channels/{id}": _TRIMMED,
    "DELETE /api/policies/{name}": _TRIMMED,
    "DELETE /api/release/{service_name}/override/{id}": _TRIMMED,
    "DELETE /api/rules/{name}": _TRIMMED,
    "DELETE /api/silences/{id}": _TRIMMED,
    "GET /api/alerts": _CURSOR | _INSTANT,
    "GET /api/alerts/{service_name}": _CURSOR | _INSTANT,
    "GET /api/audit": _CURSOR,
    "GET /api/burn": _CURSOR,
    "GET /api/burn/{service_name}": _SPAN | {"invalid_step", "unknown_target"},
    "GET /api/changes": _SPAN | _CURSOR,
    "GET /api/forecast/{service_name}": frozenset({"unknown_target"}),
    "GET /api/ingest/dead-letters": _CURSOR,
    "GET /api/notifications": _CURSOR,
    "GET /api/release/{service_name}/history": _CURSOR,
    "GET /api/release/{service_name}/override": _CURSOR,
    "GET /api/services": _CURSOR,
    "GET /api/silences": _CURSOR,
    "GET /api/summary/heatmap": _SPAN | {"invalid_step"},
    "PATCH /api/alerts/{id}/acknowledge": _TRIMMED,
    "PATCH /api/rules/{name}": _RULE,
    "POST /api/burn/compute": frozenset({"contradiction"}),
    "POST /api/channels": _TRIMMED,
    "POST /api/channels/{id}/test": _TRIMMED,
    "POST /api/ingest/dead-letters/{id}/replay": _TRIMMED | {"history_by_import"},
    "POST /api/keys": _TRIMMED,
    "POST /api/release/{service_name}/override": _TRIMMED
    | {"not_applicable", "too_long_for_policy"},
    "POST /api/release/{service_name}/override/{id}/approve": _TRIMMED,
    "POST /api/rules": _RULE,
    "POST /api/silences": _INSTANT
    | _TRIMMED
    | {
        "ends_first",
        "in_the_past",
        "invalid_glob",
        "matches_everything",
        "one_end",
        "too_long",
    },
    "POST /api/slo/{service_name}/targets": _TARGET,
    "PUT /api/channels/{id}": _TRIMMED,
    "PUT /api/policies/{name}": _TRIMMED,
    "PUT /api/services/{name}": frozenset({"differs_from_path"}),
    "PUT /api/slo/targets/{id}": _TARGET,
}
"""Codes by which a request that fits the schema may still be refused, by operation.

They compare two fields, or a field with what is stored, or what only a decoder of it can tell, or
measure a text without the spaces around it, or name a time that no calendar of Python has.
"""

_STAY_READABLE: Final = frozenset(
    {"DELETE /api/release/{service_name}/override/{id}", "DELETE /api/silences/{id}"}
)
"""Operations that end what they name: it is there to be read as before, with who ended it."""


EXPECTED: Final = Expected(_RULES, _FREE_FIELDS, _STAY_READABLE)


@contextmanager
def filled_gateway(url: str) -> Iterator[ASGIApp]:
    """Give the application on a database, with something of each kind; shards answer commands.

    It runs in a loop of its own, which its connections belong to, whatever loop it is asked from.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    database = GatewayDatabase.at(url)
    opened = gateway_on(SETTINGS, database)

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
