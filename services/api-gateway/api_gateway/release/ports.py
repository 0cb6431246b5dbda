"""What the gateway reads of the gate's results."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from common.events import ChangeEvent, GateDecision


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision with all that it was made of: its inputs and the policy's whole text."""

    decision: GateDecision
    inputs: dict[str, Any]
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredChange:
    """A change; `appended_at` is when the broker took it."""

    identity: bytes
    event: ChangeEvent
    appended_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Changes with since <= at <= until, of one service or of all, older than `before`."""

    service_name: str | None
    since: datetime
    until: datetime
    before: tuple[datetime, bytes] | None
    limit: int


class ResultReader(Protocol):
    """Reads decisions and changes."""

    async def decisions(
        self, service_name: str, before: str | None, limit: int
    ) -> list[GateDecision]:
        """Return up to `limit` decisions with smaller ids than `before`, newest first."""
        ...

    async def decision(self, decision_id: str) -> StoredDecision | None:
        """Return one decision with what it was made of."""
        ...

    async def changes(self, query: ChangeQuery) -> list[StoredChange]:
        """Return changes, newest first."""
        ...


class Results(Protocol):
    """Opens readers."""

    def read(self) -> AbstractAsyncContextManager[ResultReader]:
        """Give a reader of one moment."""
        ...
