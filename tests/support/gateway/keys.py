"""API keys in memory, for a gateway without servers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from api_gateway.api_keys.domain import ApiKey, NewApiKey
from common.storage.audit import AuditEvent
from tests.support.gateway.in_memory import MemoryStore
from tests.support.gateway.memory_store import Memory


@dataclass
class KeyRows:
    """The store's content."""

    keys: dict[str, ApiKey] = field(default_factory=dict)
    announced: list[ApiKey] = field(default_factory=list)
    deeds: list[AuditEvent] = field(default_factory=list)


class MemoryKeys(Memory["KeyRows", "MemoryKeySession"]):
    """Keys; fails whenever the catalog's store does."""

    def __init__(self, catalog: MemoryStore) -> None:
        super().__init__(KeyRows(), MemoryKeySession, catalog.outage)


class MemoryKeySession:
    """Reads and writes rows."""

    def __init__(self, rows: KeyRows) -> None:
        self._rows = rows

    async def keys(self) -> list[ApiKey]:
        kept = (key for key in self._rows.keys.values() if key.revoked_at is None)
        return sorted(kept, key=lambda key: key.name)

    async def key(self, key_id: str) -> ApiKey | None:
        return self._rows.keys.get(key_id)

    async def wanted(self) -> list[ApiKey]:
        return list(self._rows.keys.values())

    async def add_key(self, wanted: NewApiKey) -> ApiKey:
        given = {**asdict(wanted), "secrets": wanted.secrets}
        return self._keep(ApiKey(**given, revoked_at=None, revoked_by=None, revision=0))

    async def change_key(self, key_id: str, **columns: Any) -> ApiKey:
        return self._keep(replace(self._rows.keys[key_id], **columns))

    async def announce(self, keys: Sequence[ApiKey]) -> None:
        self._rows.announced += keys

    async def record(self, deed: AuditEvent) -> None:
        self._rows.deeds.append(deed)

    def _keep(self, key: ApiKey) -> ApiKey:
        kept = replace(key, revision=len(self._rows.announced) + 1)
        self._rows.keys[key.id] = kept
        self._rows.announced.append(kept)
        return kept
