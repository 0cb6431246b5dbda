"""What overrides, policies and their audit need of a store."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from api_gateway.policy.domain import NewOverride, Override, StoredPolicy
from api_gateway.storage.audit import AuditQuery
from common.storage.audit import AuditEntry, AuditEvent


class IntentReader(Protocol):
    """Reads what is stored, also what has ended."""

    async def override(self, override_id: int) -> Override | None:
        """Return one override."""
        ...

    async def overrides(self, service_name: str, before: int, limit: int) -> list[Override]:
        """Return up to `limit` overrides with smaller ids than `before`, newest first."""
        ...

    async def in_force(self, service_name: str, now: datetime) -> list[Override]:
        """Return the overrides that are active, have not expired and have uses left, by id."""
        ...

    async def policies(self) -> list[StoredPolicy]:
        """Return the policies that were not deleted, by name."""
        ...

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return audit entries."""
        ...


class IntentWriter(IntentReader, Protocol):
    """Writes, one writer at a time, each change with its event."""

    async def repeated(self, service_name: str, idempotency_key: str) -> Override | None:
        """Return the override that was stored with this key."""
        ...

    async def add_override(self, wanted: NewOverride) -> Override:
        """Store an override and announce it."""
        ...

    async def change_override(self, override_id: int, **columns: Any) -> Override:
        """Store other values in these columns and announce the override."""
        ...

    async def count_use(self, override_id: int, now: datetime) -> Override | None:
        """Count one use and announce it; None where the override is not in force any more."""
        ...

    async def put_policy(self, name: str, policy_hash: str, document: dict[str, Any]) -> None:
        """Store a policy, also one that was deleted before, and announce it."""
        ...

    async def retire_policy(self, name: str) -> None:
        """Take a policy out of use and announce it."""
        ...

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        ...

    async def wanted(self, now: datetime) -> tuple[list[Override], list[StoredPolicy]]:
        """Return what the gate has to know: overrides that may count yet, and all policies."""
        ...

    async def announce(
        self, changed: Sequence[Override], changed_policies: Sequence[StoredPolicy]
    ) -> None:
        """Put the present revisions into the outbox, where they are not yet."""
        ...


class IntentStore(Protocol):
    """Opens readers and writers."""

    def read(self) -> AbstractAsyncContextManager[IntentReader]:
        """Give a reader of one moment."""
        ...

    def write(self) -> AbstractAsyncContextManager[IntentWriter]:
        """Give a writer; what it did is kept, with its events, when the block ends well."""
        ...
