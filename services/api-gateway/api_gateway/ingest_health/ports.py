"""What reading dead letters and sending them again needs of a store."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from api_gateway.ingest_health.domain import Letter, Redelivery
from common.storage.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """Letters older than `before` (when recorded, id), newest first; None: of every one."""

    before: tuple[datetime, str] | None
    limit: int
    code: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class ShardPosition:
    """How far a consumer has applied one topic of one shard, by its ledger."""

    service: str
    shard: int
    topic: str
    epoch: int
    owner: str
    next_offset: int
    applied_through: datetime


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """What one service has still to announce; `oldest_at` is None where that is nothing."""

    service: str
    waiting: int
    oldest_at: datetime | None


class IngestReader(Protocol):
    """Reads letters, positions, and what waits to be announced."""

    async def letters(self, query: LetterQuery) -> list[Letter]:
        """Return letters, newest first."""
        ...

    async def letter(self, letter_id: str) -> Letter | None:
        """Return one letter."""
        ...

    async def positions(self) -> list[ShardPosition]:
        """Return every position that a ledger holds."""
        ...

    async def outboxes(self) -> list[OutboxBacklog]:
        """Return the backlog of every outbox."""
        ...


class IngestWriter(IngestReader, Protocol):
    """Sends letters again, one writer at a time."""

    async def replay(
        self,
        letter: Letter,
        sent: Redelivery,
        event: AuditEvent,
        corrected: bool,  # noqa: FBT001 - a column's value
    ) -> Letter:
        """Note that the letter is sent again, audit it, and let the outbox send it."""
        ...


class IngestStore(Protocol):
    """Opens readers and writers."""

    def read(self) -> AbstractAsyncContextManager[IngestReader]:
        """Give a reader of one moment."""
        ...

    def write(self) -> AbstractAsyncContextManager[IngestWriter]:
        """Give a writer; what it did is kept and sent when the block ends well."""
        ...
