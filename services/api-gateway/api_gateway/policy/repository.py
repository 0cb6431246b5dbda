"""Overrides and policies in PostgreSQL. A write, its event and its audit are one transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from api_gateway.policy.domain import (
    NewOverride,
    Override,
    StoredPolicy,
    override_changed,
    override_key,
    policy_changed,
    policy_key,
)
from api_gateway.policy.tables import override_of, overrides, policies, policy_of
from api_gateway.storage import audit as audit_repository
from api_gateway.storage.audit import AuditQuery
from api_gateway.storage.unit_of_work import NEXT_REVISION, Store, Writing
from common.events import PolicyMessage
from common.kafka.topics import POLICIES
from common.storage.audit import AuditEntry, AuditEvent
from common.storage.database import Database, ReadSession
from common.storage.outbox import Outbox


class PostgresIntents(Store["IntentReads", "IntentWrites"]):
    """Readers and writers of what users want of the gate."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox, IntentReads, IntentWrites)


class IntentReads:
    """Reads what is stored."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def override(self, override_id: int) -> Override | None:
        """Return one override."""
        statement = select(overrides).where(overrides.c.id == override_id)
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else override_of(row)

    async def overrides(self, service_name: str, before: int, limit: int) -> list[Override]:
        """Return overrides, newest first."""
        statement = (
            select(overrides)
            .where(overrides.c.service_name == service_name, overrides.c.id < before)
            .order_by(overrides.c.id.desc())
            .limit(limit)
        )
        return [override_of(row) for row in await self._session.execute(statement)]

    async def in_force(self, service_name: str, now: datetime) -> list[Override]:
        """Return the overrides that count now."""
        statement = select(overrides).where(
            overrides.c.service_name == service_name, *_in_force(now)
        )
        rows = await self._session.execute(statement.order_by(overrides.c.id))
        return [override_of(row) for row in rows]

    async def policies(self) -> list[StoredPolicy]:
        """Return the policies in use."""
        by_name = policies.c.name.collate("C")
        statement = select(policies).where(policies.c.retired_at.is_(None)).order_by(by_name)
        return [policy_of(row) for row in await self._session.execute(statement)]

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return audit entries, newest first."""
        return await audit_repository.newest(self._session, query)


class IntentWrites(IntentReads):
    """Writes, announces and records."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing.session)
        self._writing = writing

    async def repeated(self, service_name: str, idempotency_key: str) -> Override | None:
        """Return the override of an earlier request with this key."""
        statement = select(overrides).where(
            overrides.c.service_name == service_name,
            overrides.c.idempotency_key == idempotency_key,
        )
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else override_of(row)

    async def add_override(self, wanted: NewOverride) -> Override:
        """Store an override."""
        statement = insert(overrides).values(**asdict(wanted)).returning(*overrides.c)
        return (await self._changed(statement))[0]

    async def change_override(self, override_id: int, **columns: Any) -> Override:
        """Store other values."""
        statement = (
            update(overrides)
            .where(overrides.c.id == override_id)
            .values(**columns, revision=NEXT_REVISION)
        )
        return (await self._changed(statement.returning(*overrides.c)))[0]

    async def count_use(self, override_id: int, now: datetime) -> Override | None:
        """Count one use, if there is one left."""
        statement = (
            update(overrides)
            .where(overrides.c.id == override_id, *_in_force(now))
            .values(uses=overrides.c.uses + 1, revision=NEXT_REVISION)
        )
        found = await self._changed(statement.returning(*overrides.c))
        return found[0] if found else None

    async def end_overrides(self, service_name: str, actor: str, reason: str) -> None:
        """Revoke whatever might still count for a service."""
        statement = (
            update(overrides)
            .where(
                overrides.c.service_name == service_name,
                overrides.c.state.in_(("pending", "active")),
            )
            .values(
                state="revoked",
                ended_by=actor,
                ended_at=func.now(),
                end_reason=reason,
                revision=NEXT_REVISION,
            )
        )
        for ended in await self._changed(statement.returning(*overrides.c)):
            at = (await self._session.execute(select(func.now()))).scalar_one()
            details = {"reason": reason}
            subject = override_key(ended.id)
            deed = AuditEvent(at, actor, "override.revoked", subject, service_name, details)
            await self.record(deed)

    async def put_policy(self, name: str, policy_hash: str, document: dict[str, Any]) -> None:
        """Store a policy."""
        values = {"hash": policy_hash, "document": document}
        touched = {"revision": NEXT_REVISION, "updated_at": func.now(), "retired_at": None}
        statement = upsert(policies).values(name=name, **values)
        statement = statement.on_conflict_do_update(
            index_elements=[policies.c.name], set_={**values, **touched}
        )
        rows = await self._session.execute(statement.returning(*policies.c))
        await self.announce([], [policy_of(row) for row in rows])

    async def retire_policy(self, name: str) -> None:
        """Take a policy out of use."""
        statement = (
            update(policies)
            .where(policies.c.name == name)
            .values(retired_at=func.now(), updated_at=func.now(), revision=NEXT_REVISION)
        )
        rows = await self._session.execute(statement.returning(*policies.c))
        await self.announce([], [policy_of(row) for row in rows])

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        await self._writing.record(deed)

    async def wanted(self, now: datetime) -> tuple[list[Override], list[StoredPolicy]]:
        """Return what the gate has to know."""
        statement = select(overrides).where(overrides.c.expires_at > now).order_by(overrides.c.id)
        found = [override_of(row) for row in await self._session.execute(statement)]
        return found, [policy_of(row) for row in await self._session.execute(select(policies))]

    async def announce(
        self, changed: Sequence[Override], changed_policies: Sequence[StoredPolicy]
    ) -> None:
        """Put events into the outbox; the same revision is announced once."""
        events: list[tuple[str, PolicyMessage]] = [
            *((override_key(o.id), override_changed(o)) for o in changed),
            *((policy_key(p.name), policy_changed(p)) for p in changed_policies),
        ]
        await self._writing.announce(POLICIES.name, events)

    async def _changed(self, statement: Any) -> list[Override]:
        changed = [override_of(row) for row in await self._session.execute(statement)]
        await self.announce(changed, [])
        return changed


async def end_overrides(writing: Writing, service_name: str) -> None:
    """Revoke whatever might still count for a service that is deleted."""
    await IntentWrites(writing).end_overrides(service_name, "catalog", "the service was deleted")


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        overrides.c.state == "active",
        overrides.c.expires_at > now,
        or_(overrides.c.max_uses.is_(None), overrides.c.uses < overrides.c.max_uses),
    )
