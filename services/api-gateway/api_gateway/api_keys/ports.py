"""What API keys need of a store."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from api_gateway.api_keys.domain import ApiKey, NewApiKey
from common.storage.audit import AuditEvent


class KeyReader(Protocol):
    """Reads keys."""

    async def keys(self) -> list[ApiKey]:
        """Return the keys that were not revoked, by name."""
        ...

    async def key(self, key_id: str) -> ApiKey | None:
        """Return one key, also a revoked one."""
        ...

    async def wanted(self) -> list[ApiKey]:
        """Return all that has to stand on the topic."""
        ...


class KeyWriter(KeyReader, Protocol):
    """Writes, one writer at a time, each change with its event."""

    async def add_key(self, wanted: NewApiKey) -> ApiKey:
        """Store a key and announce it."""
        ...

    async def change_key(self, key_id: str, **columns: Any) -> ApiKey:
        """Store other values in these columns and announce the key."""
        ...

    async def announce(self, keys: Sequence[ApiKey]) -> None:
        """Put the present revisions into the outbox, where they are not yet."""
        ...

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        ...


class KeyStore(Protocol):
    """Opens readers and writers."""

    def read(self) -> AbstractAsyncContextManager[KeyReader]:
        """Give a reader of one moment."""
        ...

    def write(self) -> AbstractAsyncContextManager[KeyWriter]:
        """Give a writer; what it did is kept, with its events, when the block ends well."""
        ...
