"""Overrides, policies, audit and the gate's results in memory, for a gateway without servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from api_gateway.policy.domain import (
    NewOverride,
    Override,
    StoredPolicy,
    override_changed,
    phase_of,
    policy_changed,
)
from api_gateway.release.ports import ChangeQuery, StoredChange, StoredDecision
from api_gateway.storage.audit import AuditQuery
from common.events import GateDecision, PolicyMessage
from common.storage.audit import AuditEntry, AuditEvent, AuditHead, chained
from tests.support.burn_events import NOW
from tests.support.gateway.in_memory import MemoryStore
from tests.support.gateway.memory_store import Memory

ALLOWING = NewOverride(
    service_name="checkout",
    decision="ALLOW",
    actor="ana",
    reason="hotfix for the payment outage",
    ticket=None,
    version=None,
    change_class=None,
    created_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    max_uses=None,
    state="active",
)


@dataclass
class PolicyRows:
    """The store's content."""

    overrides: dict[int, Override] = field(default_factory=dict)
    policies: dict[str, StoredPolicy] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    announced: list[PolicyMessage] = field(default_factory=list)
    revision: int = 0


class MemoryPolicies(Memory["PolicyRows", "MemoryPolicySession"]):
    """Overrides and policies; fails whenever the catalog's store does."""

    def __init__(self, catalog: MemoryStore) -> None:
        super().__init__(PolicyRows(), MemoryPolicySession, catalog.outage)


class MemoryPolicySession:
    """Reads and writes rows."""

    def __init__(self, rows: PolicyRows) -> None:
        self._rows = rows

    async def override(self, override_id: int) -> Override | None:
        return self._rows.overrides.get(override_id)

    async def overrides(self, service_name: str, before: int, limit: int) -> list[Override]:
        rows = [o for o in self._rows.overrides.values() if o.service_name == service_name]
        return sorted((o for o in rows if o.id < before), key=lambda o: -o.id)[:limit]

    async def in_force(self, service_name: str, now: datetime) -> list[Override]:
        rows = self._rows.overrides.values()
        return [o for o in rows if o.service_name == service_name and phase_of(o, now) == "active"]

    async def policies(self) -> list[StoredPolicy]:
        rows = self._rows.policies.values()
        return sorted((p for p in rows if not p.retired), key=lambda p: p.name)

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        found = [
            entry
            for entry in reversed(self._rows.audit)
            if entry.id < query.before
            and query.service_name in {None, entry.service_name}
            and query.subject in {None, entry.subject}
        ]
        return found[: query.limit]

    async def repeated(self, service_name: str, idempotency_key: str) -> Override | None:
        wanted = (service_name, idempotency_key)
        rows = self._rows.overrides.values()
        return next((o for o in rows if (o.service_name, o.idempotency_key) == wanted), None)

    async def add_override(self, wanted: NewOverride) -> Override:
        ended: dict[str, Any] = dict.fromkeys(("approver", "ended_by", "ended_at", "end_reason"))
        number = len(self._rows.overrides) + 1
        return self._keep(Override(id=number, uses=0, revision=0, **ended, **asdict(wanted)))

    async def change_override(self, override_id: int, **columns: Any) -> Override:
        return self._keep(replace(self._rows.overrides[override_id], **columns))

    async def count_use(self, override_id: int, now: datetime) -> Override | None:
        override = self._rows.overrides[override_id]
        if phase_of(override, now) != "active":
            return None
        return self._keep(replace(override, uses=override.uses + 1))

    async def put_policy(self, name: str, policy_hash: str, document: dict[str, Any]) -> None:
        self._keep_policy(StoredPolicy(name, policy_hash, document, 0, NOW, NOW, retired=False))

    async def retire_policy(self, name: str) -> None:
        self._keep_policy(replace(self._rows.policies[name], retired=True))

    async def record(self, deed: AuditEvent) -> None:
        last = self._rows.audit[-1] if self._rows.audit else None
        head = AuditHead(last.id, last.hash) if last else AuditHead()
        self._rows.audit.append(chained(head, deed))

    async def wanted(self, now: datetime) -> tuple[list[Override], list[StoredPolicy]]:
        overrides = [o for o in self._rows.overrides.values() if o.expires_at > now]
        return overrides, list(self._rows.policies.values())

    async def announce(
        self, changed: Sequence[Override], changed_policies: Sequence[StoredPolicy]
    ) -> None:
        self._rows.announced += [override_changed(o) for o in changed]
        self._rows.announced += [policy_changed(p) for p in changed_policies]

    def _keep(self, override: Override) -> Override:
        self._rows.revision += 1
        override = replace(override, revision=self._rows.revision)
        self._rows.overrides[override.id] = override
        self._rows.announced.append(override_changed(override))
        return override

    def _keep_policy(self, policy: StoredPolicy) -> None:
        self._rows.revision += 1
        policy = replace(policy, revision=self._rows.revision)
        self._rows.policies[policy.name] = policy
        self._rows.announced.append(policy_changed(policy))


class MemoryResults:
    """The gate's results."""

    def __init__(self, catalog: MemoryStore) -> None:
        self.stored_decisions: list[StoredDecision] = []
        self.stored_changes: list[StoredChange] = []
        self._outage = catalog.outage

    @asynccontextmanager
    async def read(self) -> AsyncIterator["MemoryResults"]:
        self._outage.check()
        yield self

    async def decisions(
        self, service_name: str, before: str | None, limit: int
    ) -> list[GateDecision]:
        rows = [d.decision for d in self.stored_decisions]
        found = [
            d
            for d in rows
            if d.service_name == service_name and (before is None or d.decision_id < before)
        ]
        return sorted(found, key=lambda d: d.decision_id, reverse=True)[:limit]

    async def decision(self, decision_id: str) -> StoredDecision | None:
        rows = self.stored_decisions
        return next((d for d in rows if d.decision.decision_id == decision_id), None)

    async def changes(self, query: ChangeQuery) -> list[StoredChange]:
        found = [
            change
            for change in self.stored_changes
            if query.service_name in {None, change.event.service}
            and query.since <= change.event.at <= query.until
            and (query.before is None or _order(change) > _key(*query.before))
        ]
        return sorted(found, key=_order)[: query.limit]


def _order(change: StoredChange) -> tuple[float, bytes]:
    return _key(change.event.at, change.identity)


def _key(at: datetime, identity: bytes) -> tuple[float, bytes]:
    """Newest first; those of one instant by identity."""
    return -at.timestamp(), identity
