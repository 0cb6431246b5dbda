"""What users write, in PostgreSQL: one at a time, with its events and its audit or not at all."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog
from sqlalchemy import func, text

from api_gateway.storage import audit as audit_repository
from common.events import ApiKeyChanged, CatalogMessage, PolicyMessage, RuleMessage, encode
from common.storage.audit import AuditEntry, AuditEvent
from common.storage.database import Database, ReadSession, WriteSession
from common.storage.outbox import Outbox, OutboxRecord

log = structlog.get_logger()

# One writer at a time: revisions then rise in the order of the commits, so that the greater
# revision is the newer wish also where a name is retired and created again at once.
WRITE_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('catalog.write'))")
NEXT_REVISION = func.nextval("catalog.revision")

Wish = CatalogMessage | PolicyMessage | RuleMessage | ApiKeyChanged
Reads = TypeVar("Reads")
Writes = TypeVar("Writes")


@dataclass(frozen=True, slots=True)
class Writing:
    """One transaction, and the entries of the audit that it has made."""

    session: WriteSession
    outbox: Outbox
    recorded: list[AuditEntry] = field(default_factory=list)

    async def announce(self, topic: str, wishes: Iterable[tuple[str, Wish]]) -> None:
        """Let the outbox publish events under their keys; the same revision goes out once."""
        records = [
            OutboxRecord(f"{key}/{wish.revision}", topic, key.encode(), encode(wish))
            for key, wish in wishes
        ]
        await self.outbox.add(self.session, records)

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        self.recorded.append(await audit_repository.append(self.session, deed))


class Store(Generic[Reads, Writes]):
    """Opens readers and writers."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        reads: Callable[[ReadSession], Reads],
        writes: Callable[[Writing], Writes],
    ) -> None:
        self._database, self._outbox = database, outbox
        self._reads, self._writes = reads, writes

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reads]:
        """Give a reader of one moment."""
        async with self._database.read() as session:
            yield self._reads(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Writes]:
        """Give a writer; commit when the block ends well, then let the outbox publish."""
        async with self._database.write() as session:
            await session.execute(WRITE_LOCK)
            writing = Writing(session, self._outbox)
            yield self._writes(writing)
        self._outbox.wake()
        for entry in writing.recorded:
            # the log is kept elsewhere: an audit that is written anew does not agree with it
            log.info("audited", action=entry.action, entry=entry.id, hash=entry.hash)
