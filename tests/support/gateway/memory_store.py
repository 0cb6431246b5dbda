"""A store in memory: what a writer did is kept when its block ends well."""

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

Rows = TypeVar("Rows")
Session = TypeVar("Session")


@dataclass
class Outage:
    """What every store of one gateway raises instead of opening; None: they open."""

    failure: Exception | None = None

    def check(self) -> None:
        if self.failure:
            raise self.failure


class Memory(Generic[Rows, Session]):
    """Opens sessions on rows; those of writers on a copy."""

    def __init__(self, rows: Rows, session: Callable[[Rows], Session], outage: Outage) -> None:
        self.rows, self.outage = rows, outage
        self._session = session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        self.outage.check()
        yield self._session(self.rows)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        self.outage.check()
        draft = _draft_of(self.rows)
        yield self._session(draft)
        self.rows = draft


def _draft_of(rows: Rows) -> Rows:
    """Return a copy whose lists and dicts a writer may change.

    What they hold is replaced and never changed, so that it need not be copied.
    """
    content: Any = rows
    kept = {field.name: copy.copy(getattr(content, field.name)) for field in fields(content)}
    return type(rows)(**kept)
