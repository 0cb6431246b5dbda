"""Overrides and policies in PostgreSQL. A write, its event and its audit are one transaction."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from api_gateway.catalog.domain import Tier, service_key
from api_gateway.policy.domain import (
    NewOverride,
    Override,
    StoredPolicy,
    override_changed,
    override_key,
    policy_changed,
    policy_key,
)
from api_gateway.storage.rows import table
from api_gateway.storage.unit_of_work import (
    NEXT_REVISION,
    TOUCHED,
    Reader,
    StateStore,
    StateWriter,
    UnitOfWork,
)
from common.access.principal import current_actor
from common.events import PolicyMessage
from common.kafka.topics import POLICIES
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes

overrides = table(Override, "overrides")
# those that were set since, and the one that was in force at the beginning
_TIERS = text(
    """SELECT CAST(details ->> 'tier' AS int) FROM catalog.audit
    WHERE subject = :subject AND details ->> 'tier' IS NOT NULL AND id >= coalesce(
        (SELECT max(id) FROM catalog.audit
        WHERE subject = :subject AND details ->> 'tier' IS NOT NULL AND at <= :since), 0)"""
)
policies = table(StoredPolicy, "policies", document=JSON())


class PolicyReader(Reader):
    """Reads overrides, also those that have ended, and policies."""

    async def override(self, override_id: int) -> Override | None:
        """Return one override."""
        return await self._one(Override, select(overrides).where(overrides.c.id == override_id))

    async def overrides(self, service_name: str, before: int, limit: int) -> list[Override]:
        """Return up to `limit` overrides with smaller ids than `before`, newest first."""
        statement = (
            select(overrides)
            .where(overrides.c.service_name == service_name, overrides.c.id < before)
            .order_by(overrides.c.id.desc())
            .limit(limit)
        )
        return await self._all(Override, statement)

    async def overrides_of(self, ids: Collection[int]) -> dict[int, Override]:
        """Return the overrides that have these ids, by id."""
        statement = select(overrides).where(overrides.c.id.in_(ids))
        return {found.id: found for found in await self._all(Override, statement)}

    async def in_force(self, service_name: str, now: datetime) -> list[Override]:
        """Return the overrides that are active, have not expired and have uses left, by id."""
        statement = select(overrides).where(
            overrides.c.service_name == service_name, *_in_force(now)
        )
        return await self._all(Override, statement.order_by(overrides.c.id))

    async def policies(self) -> list[StoredPolicy]:
        """Return the policies that were not deleted, by name."""
        by_name = policies.c.name.collate("C")
        statement = select(policies).where(policies.c.retired_at.is_(None)).order_by(by_name)
        return await self._all(StoredPolicy, statement)


class PolicyWriter(StateWriter[Override | StoredPolicy], PolicyReader):
    """Writes and announces overrides and policies."""

    topic = POLICIES.name

    async def repeated(self, service_name: str, idempotency_key: str) -> Override | None:
        """Return the override of an earlier request with this key."""
        statement = select(overrides).where(
            overrides.c.service_name == service_name,
            overrides.c.idempotency_key == idempotency_key,
        )
        return await self._one(Override, statement)

    async def tiers_since(self, service_name: str, since: datetime) -> set[Tier]:
        """Return the tiers that services of this name have had since then, as audited."""
        asked = {"subject": service_key(service_name), "since": since}
        return set(await self._session.scalars(_TIERS, asked))

    async def add_override(self, new: NewOverride) -> Override:
        """Store an override."""
        statement = insert(overrides).values(**asdict(new))
        [added] = await self._changed(Override, statement, overrides)
        return added

    async def change_override(self, override_id: int, **columns: Any) -> Override:
        """Store other values in these columns."""
        statement = update(overrides).where(overrides.c.id == override_id)
        statement = statement.values(**columns, revision=NEXT_REVISION)
        [changed] = await self._changed(Override, statement, overrides)
        return changed

    async def count_use(self, override_id: int, now: datetime) -> Override | None:
        """Count one use; None where the override is not in force any more."""
        statement = (
            update(overrides)
            .where(overrides.c.id == override_id, *_in_force(now))
            .values(uses=overrides.c.uses + 1, last_used_at=now, revision=NEXT_REVISION)
        )
        found = await self._changed(Override, statement, overrides)
        return found[0] if found else None

    async def end_overrides(self, service_name: str, reason: str) -> None:
        """Revoke whatever might still count for a service."""
        may_count = (
            overrides.c.service_name == service_name,
            overrides.c.state.in_(("pending", "active")),
        )
        found = await self._all(Override, select(overrides).where(*may_count))
        states = {override.id: override.state for override in found}
        statement = (
            update(overrides)
            .where(*may_count)
            .values(
                state="revoked",
                ended_by=current_actor(),
                ended_at=func.now(),
                end_reason=reason,
                revision=NEXT_REVISION,
            )
        )
        for ended in await self._changed(Override, statement, overrides):
            at = (await self._session.execute(select(func.now()))).scalar_one()
            details, subject = {"reason": reason}, override_key(ended.id)
            changes = field_changes({"state": states[ended.id]}, {"state": ended.state})
            await self.record(
                AuditEvent(at, "override.revoked", subject, service_name, details, changes)
            )

    async def put_policy(self, name: str, policy_hash: str, document: dict[str, Any]) -> None:
        """Store a policy, also one that was deleted before."""
        values = {"hash": policy_hash, "document": document}
        statement = upsert(policies).values(name=name, **values)
        statement = statement.on_conflict_do_update(
            index_elements=[policies.c.name], set_={**values, **TOUCHED, "retired_at": None}
        )
        await self._changed(StoredPolicy, statement, policies)

    async def retire_policy(self, name: str) -> None:
        """Take a policy out of use."""
        statement = (
            update(policies).where(policies.c.name == name).values(retired_at=func.now(), **TOUCHED)
        )
        await self._changed(StoredPolicy, statement, policies)

    async def topic_state(self, now: datetime) -> list[Override | StoredPolicy]:
        """Return what the gate has to know: overrides that may count yet, and all policies."""
        statement = select(overrides).where(overrides.c.expires_at > now).order_by(overrides.c.id)
        return [
            *await self._all(Override, statement),
            *await self._all(StoredPolicy, select(policies)),
        ]

    def event(self, entry: Override | StoredPolicy) -> tuple[str, PolicyMessage]:
        """Return the key and the event of an override or a policy."""
        if isinstance(entry, Override):
            return override_key(entry.id), override_changed(entry)
        return policy_key(entry.name), policy_changed(entry)


class PolicyStore(StateStore[PolicyReader, PolicyWriter]):
    """Opens readers and writers of overrides and policies."""

    reader, writer = PolicyReader, PolicyWriter


async def end_overrides(unit: UnitOfWork, service_name: str) -> None:
    """Revoke whatever might still count for a service that is deleted."""
    await PolicyWriter(unit).end_overrides(service_name, "the service was deleted")


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        overrides.c.state == "active",
        overrides.c.expires_at > now,
        or_(overrides.c.max_uses.is_(None), overrides.c.uses < overrides.c.max_uses),
    )
