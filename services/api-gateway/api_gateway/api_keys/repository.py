"""API keys in PostgreSQL: a write, its event and its audit are one transaction."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from api_gateway.api_keys.domain import ApiKey, NewApiKey, key_changed
from api_gateway.storage.rows import table
from api_gateway.storage.unit_of_work import NEXT_REVISION, Reader, StateStore, StateWriter
from common.events import ApiKeyChanged
from common.kafka.topics import KEYS

api_keys = table(ApiKey, "api_keys", secrets=JSONB())


class ApiKeyReader(Reader):
    """Reads keys."""

    async def keys(self) -> list[ApiKey]:
        """Return the keys that were not revoked, by name."""
        by_name = api_keys.c.name.collate("C")
        statement = select(api_keys).where(api_keys.c.revoked_at.is_(None)).order_by(by_name)
        return await self._all(ApiKey, statement)

    async def changed_since(self, revision: int) -> list[ApiKey]:
        """Return keys of greater revisions, which rise in the order of the commits."""
        newer = select(api_keys).where(api_keys.c.revision > revision)
        return await self._all(ApiKey, newer.order_by(api_keys.c.revision))

    async def key(self, key_id: str) -> ApiKey | None:
        """Return one key, also a revoked one."""
        return await self._one(ApiKey, select(api_keys).where(api_keys.c.id == key_id))


class ApiKeyWriter(StateWriter[ApiKey], ApiKeyReader):
    """Writes and announces keys."""

    topic = KEYS.name

    async def add_key(self, new: NewApiKey) -> ApiKey:
        """Store a key."""
        values = {**asdict(new), "scopes": [*new.scopes], "secrets": _as_json(new.secrets)}
        [added] = await self._changed(ApiKey, insert(api_keys).values(values), api_keys)
        return added

    async def change_key(self, key_id: str, **columns: Any) -> ApiKey:
        """Store other values in these columns."""
        if "secrets" in columns:
            columns["secrets"] = _as_json(columns["secrets"])
        statement = (
            update(api_keys)
            .where(api_keys.c.id == key_id)
            .values(**columns, revision=NEXT_REVISION)
        )
        [changed] = await self._changed(ApiKey, statement, api_keys)
        return changed

    async def topic_state(self, now: datetime) -> list[ApiKey]:
        """Return every key: what is revoked has to be known as such."""
        del now
        return await self._all(ApiKey, select(api_keys).order_by(api_keys.c.revision))

    def event(self, entry: ApiKey) -> tuple[str, ApiKeyChanged]:
        """Return the id of a key and its event."""
        return entry.id, key_changed(entry)


class ApiKeyStore(StateStore[ApiKeyReader, ApiKeyWriter]):
    """Opens readers and writers of keys."""

    reader, writer = ApiKeyReader, ApiKeyWriter


def _as_json(secrets: Any) -> Any:
    return msgspec.to_builtins(secrets)
