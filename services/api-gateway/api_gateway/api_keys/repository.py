"""API keys in PostgreSQL: a write, its event and its audit are one transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Column, DateTime, Row, Table, Text, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import BigInteger

from api_gateway.api_keys.domain import ApiKey, NewApiKey, StoredSecret, key_changed
from api_gateway.catalog.tables import metadata
from api_gateway.storage.rows import from_row
from api_gateway.storage.unit_of_work import NEXT_REVISION, Store, Writing
from common.kafka.topics import KEYS
from common.storage.audit import AuditEvent
from common.storage.database import Database, ReadSession
from common.storage.outbox import Outbox

_instant = DateTime(timezone=True)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("scopes", ARRAY(Text)),
    Column("secrets", JSONB),
    Column("created_by", Text),
    Column("created_at", _instant),
    Column("expires_at", _instant),
    Column("revoked_at", _instant),
    Column("revoked_by", Text),
    Column("revision", BigInteger),
)


class PostgresKeys(Store["KeyReads", "KeyWrites"]):
    """Readers and writers of keys."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox, KeyReads, KeyWrites)


class KeyReads:
    """Reads what is stored."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def keys(self) -> list[ApiKey]:
        """Return the keys that were not revoked, by name."""
        by_name = api_keys.c.name.collate("C")
        statement = select(api_keys).where(api_keys.c.revoked_at.is_(None)).order_by(by_name)
        return [_key_of(row) for row in await self._session.execute(statement)]

    async def key(self, key_id: str) -> ApiKey | None:
        """Return one key."""
        statement = select(api_keys).where(api_keys.c.id == key_id)
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else _key_of(row)

    async def wanted(self) -> list[ApiKey]:
        """Return every key: what is revoked has to be known as such."""
        statement = select(api_keys).order_by(api_keys.c.revision)
        return [_key_of(row) for row in await self._session.execute(statement)]


class KeyWrites(KeyReads):
    """Writes, announces and records."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing.session)
        self._writing = writing

    async def add_key(self, wanted: NewApiKey) -> ApiKey:
        """Store a key."""
        values = {**asdict(wanted), "scopes": [*wanted.scopes], "secrets": _stored(wanted.secrets)}
        return await self._changed(insert(api_keys).values(values).returning(*api_keys.c))

    async def change_key(self, key_id: str, **columns: Any) -> ApiKey:
        """Store other values."""
        if "secrets" in columns:
            columns["secrets"] = _stored(columns["secrets"])
        statement = (
            update(api_keys)
            .where(api_keys.c.id == key_id)
            .values(**columns, revision=NEXT_REVISION)
        )
        return await self._changed(statement.returning(*api_keys.c))

    async def announce(self, keys: Sequence[ApiKey]) -> None:
        """Put events into the outbox; the same revision is announced once."""
        await self._writing.announce(KEYS.name, [(key.id, key_changed(key)) for key in keys])

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        await self._writing.record(deed)

    async def _changed(self, statement: Any) -> ApiKey:
        changed = _key_of((await self._session.execute(statement)).one())
        await self.announce([changed])
        return changed


def _stored(secrets: Sequence[StoredSecret]) -> Any:
    return msgspec.to_builtins(secrets)


def _key_of(row: Row[Any]) -> ApiKey:
    return from_row(ApiKey, row)
