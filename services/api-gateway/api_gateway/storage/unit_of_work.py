"""Units of work: what users write is committed one at a time, with its events and its audit."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

import structlog
from sqlalchemy import TableClause, func, text

from api_gateway.metrics import AUDIT_ENTRY
from api_gateway.storage import audit
from api_gateway.storage.rows import from_row
from common.access.key_cache import unauthorized
from common.access.principal import KEY, current_credential
from common.events import (
    ApiKeyChanged,
    AuditHeadMoved,
    CatalogMessage,
    PolicyMessage,
    RuleMessage,
    encode,
)
from common.kafka.topics import AUDIT
from common.storage.audit import AuditEntry, AuditEvent
from common.storage.database import Database, ReadSession, WriteSession
from common.storage.outbox import Outbox, OutboxRecord

log = structlog.get_logger()

# One writer at a time: revisions then rise in the order of the commits, so that the greater
# revision is the newer state also where a name is retired and created again at once.
WRITE_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('catalog.write'))")
# the row decides, not what this process has heard: a revocation that is committed ends all writes
_REVOKED = text("SELECT 1 FROM catalog.api_keys WHERE id = :id AND revoked_at IS NOT NULL")
NEXT_REVISION = func.nextval("catalog.revision")
TOUCHED = {"revision": NEXT_REVISION, "updated_at": func.now()}

StateEvent = CatalogMessage | PolicyMessage | RuleMessage | ApiKeyChanged
Value = TypeVar("Value")
ReaderT = TypeVar("ReaderT", bound="Reader")
WriterT = TypeVar("WriterT", bound="Writer")
Entry = TypeVar("Entry")
StateWriterT = TypeVar("StateWriterT", bound="StateWriter[Any]")


class UnitOfWork:
    """One transaction: its session, and what goes out or is logged once it is committed."""

    def __init__(self, session: WriteSession, outbox: Outbox) -> None:
        self.session, self.outbox = session, outbox
        self.recorded: list[AuditEntry] = []

    async def announce(self, topic: str, events: Iterable[tuple[str, StateEvent]]) -> None:
        """Let the outbox publish events under their keys; the same revision goes out once."""
        records = [
            OutboxRecord(f"{key}/{event.revision}", topic, key.encode(), encode(event))
            for key, event in events
        ]
        await self.outbox.add(self.session, records)

    async def record(self, event: AuditEvent) -> None:
        """Append to the audit, and publish where its end is now."""
        entry = await audit.append(self.session, event)
        self.recorded.append(entry)
        name = f"{entry.id}:{entry.hash}"
        moved = encode(AuditHeadMoved(entry.id, entry.hash, entry.at))
        record = OutboxRecord(f"audit/{name}", AUDIT.name, name.encode(), moved)
        await self.outbox.add(self.session, [record])


class Reader:
    """Reads in one session; base of the readers of each resource."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    @property
    def session(self) -> ReadSession:
        """The session, for a reader of another resource in the same transaction."""
        return self._session

    async def _all(
        self, kind: type[Value], statement: Any, parameters: Mapping[str, Any] | None = None
    ) -> list[Value]:
        rows = await self._session.execute(statement, parameters)
        return [from_row(kind, row) for row in rows]

    async def _one(
        self, kind: type[Value], statement: Any, parameters: Mapping[str, Any] | None = None
    ) -> Value | None:
        row = (await self._session.execute(statement, parameters)).one_or_none()
        return None if row is None else from_row(kind, row)


class Writer(Reader):
    """Writes in one unit of work; base of the writers of each resource."""

    def __init__(self, unit: UnitOfWork) -> None:
        super().__init__(unit.session)
        self.unit = unit

    async def record(self, event: AuditEvent) -> None:
        """Append to the audit."""
        await self.unit.record(event)


class StateWriter(Writer, ABC, Generic[Value]):
    """Writes entries of a state topic: each change is announced there, with its key."""

    topic: str

    @abstractmethod
    async def topic_state(self, now: datetime) -> list[Value]:
        """Return the newest revision of every entry that belongs on the topic."""

    @abstractmethod
    def event(self, entry: Value) -> tuple[str, StateEvent]:
        """Return the key of an entry, and the event of its present revision."""

    async def announce(self, entries: Sequence[Value]) -> None:
        """Put the events of entries into the outbox; the same revision goes out once."""
        await self.unit.announce(self.topic, map(self.event, entries))

    async def _changed(self, kind: type[Entry], statement: Any, of: TableClause) -> list[Entry]:
        """Execute a statement that changes rows of a table; announce and return them."""
        changed = await self._all(kind, statement.returning(*of.c))
        await self.announce(cast("list[Value]", changed))
        return changed


class ReadStore(Generic[ReaderT]):
    """Opens the readers of what another service stores."""

    reader: type[ReaderT]

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReaderT]:
        """Give a reader of one moment."""
        async with self._database.read() as session:
            yield self.reader(session)


class Store(ReadStore[ReaderT], Generic[ReaderT, WriterT]):
    """Opens the readers and writers of a resource, and counts what this process has written."""

    writer: Callable[[UnitOfWork], WriterT]

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database)
        self._outbox, self.writes = outbox, 0

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriterT]:
        """Give a writer; commit when the block ends well, then let the outbox publish."""
        async with self._database.write() as session:
            await session.execute(WRITE_LOCK)
            await _check_credential(session)
            unit = UnitOfWork(session, self._outbox)
            yield self.writer(unit)
        self.writes += 1
        self._outbox.wake()
        for entry in unit.recorded:
            # the log is kept elsewhere: an audit that is written anew does not agree with it
            log.info("audited", action=entry.action, entry=entry.id, hash=entry.hash)
            AUDIT_ENTRY.set(entry.id)


async def _check_credential(session: WriteSession) -> None:
    """Raise the 401 of a key that was revoked; the lock keeps it from being revoked meanwhile."""
    kind, _, key_id = current_credential().partition("/")
    if kind == KEY and (await session.execute(_REVOKED, {"id": key_id})).first() is not None:
        raise unauthorized("The API key is wrong, or was revoked.")


class StateStore(Store[ReaderT, StateWriterT]):
    """Opens the readers and writers of entries of a state topic."""

    async def republish(self, on_topic: Callable[[Any], bool], now: datetime) -> int:
        """Announce again each entry whose event is not `on_topic`; return how many there were.

        A topic can be lost; the rows are the truth.
        """
        async with self.write() as writer:
            entries = await writer.topic_state(now)
            lost = [entry for entry in entries if not on_topic(writer.event(entry)[1])]
            await writer.announce(lost)
        return len(lost)
