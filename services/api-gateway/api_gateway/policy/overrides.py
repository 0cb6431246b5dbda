"""Operations on overrides: each is one transaction, with its event and its audit."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from api_gateway.catalog.domain import Service
from api_gateway.http.problems import existing, invalid
from api_gateway.http.second_person import check_another, check_somebody_s
from api_gateway.http.types import Statement
from api_gateway.policy.domain import (
    NewOverride,
    Override,
    override_key,
    phase_of,
    same_request,
    same_scope,
)
from api_gateway.policy.policies import PolicyService
from api_gateway.policy.repository import PolicyReader, PolicyStore, PolicyWriter
from api_gateway.projections.decisions import DecisionBook
from common.access.principal import current_actor
from common.policy.model import Policy
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes

TIER_REMEMBERED = timedelta(hours=24)
"""So long a tier that a service had still demands approval and bounds the time: whoever may change
the tier must not thereby approve himself, nor override for longer."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An override as stored; `effective` once a decision of the gate names it."""

    override: Override
    effective: bool


class OverrideService:
    """Overrides of the gate. Every refusal is a Problem that names field and fix."""

    def __init__(
        self,
        store: PolicyStore,
        policies: PolicyService,
        decisions: DecisionBook,
        visible_timeout_seconds: float,
    ) -> None:
        self._store, self._policies, self._decisions = store, policies, decisions
        self._visible_timeout_seconds = visible_timeout_seconds

    async def create(self, service: Service, new: NewOverride) -> Decided:
        """Store an override, once for each idempotency key; wait until the gate has decided."""
        async with self._store.write() as writer:
            override = await self._repeated(writer, new)
            if override is None:
                policies = await self._policies.in_force_for(writer)
                since = new.created_at - TIER_REMEMBERED
                tiers = {service.tier, *await writer.tiers_since(service.name, since)}
                of_tier = {tier: policies.policy_for(service.name, tier) for tier in sorted(tiers)}
                for policy in of_tier.values():
                    _check_length(policy, new)
                strict = any(policy.needs_approver(tier) for tier, policy in of_tier.items())
                override = await self._add(writer, _awaiting(new) if strict else new)
        return await self._seen(override, new.created_at)

    async def approve(
        self, service: Service, override_id: int, on_behalf_of: str, now: datetime
    ) -> Decided:
        """Let a pending override count; 404, and 409 for who asked for it or what has ended."""
        async with self._store.write() as writer:
            pending = await _override(writer, service.name, override_id)
            phase = phase_of(pending, now)
            if phase != "pending":
                detail = f"override {override_id} is {phase}; only a pending one can be approved"
                raise invalid("id", "not_pending", detail, 409)
            check_another(pending.credential, pending.actor)
            active = await writer.change_override(
                override_id,
                state="active",
                approver=current_actor(),
                approved_on_behalf_of=on_behalf_of,
            )
            event = _audit_event("override.approved", pending, active, now, on_behalf_of, {})
            await writer.record(event)
            await _replace_others(writer, active, on_behalf_of, now)
        return await self._seen(active, now)

    async def revoke(
        self, service: Service, override_id: int, by: Statement, now: datetime
    ) -> Override:
        """End an override before its time; 404, and 409 for what has ended."""
        async with self._store.write() as writer:
            override = await _override(writer, service.name, override_id)
            phase = phase_of(override, now)
            if phase not in {"pending", "active"}:
                detail = f"override {override_id} is {phase} already"
                raise invalid("id", "not_in_force", detail, 409)
            return await _end(writer, override, "revoked", by.actor, by.reason, now)

    async def all(self, service: Service, before: int, limit: int) -> list[Override]:
        """Return up to `limit` overrides of the service with ids below `before`, newest first."""
        async with self._store.read() as reader:
            return await reader.overrides(service.name, before, limit)

    async def find(self, service: Service, override_id: int) -> Override:
        """Return an override of the service; 404."""
        async with self._store.read() as reader:
            return await _override(reader, service.name, override_id)

    async def _repeated(self, writer: PolicyWriter, new: NewOverride) -> Override | None:
        if new.idempotency_key is None:
            return None
        earlier = await writer.repeated(new.service_name, new.idempotency_key)
        if earlier is not None and not same_request(earlier, new):
            detail = f"override {earlier.id} was asked for with this key, in other words"
            raise invalid("Idempotency-Key", "key_used_otherwise", detail, 409)
        return earlier

    async def _add(self, writer: PolicyWriter, new: NewOverride) -> Override:
        override = await writer.add_override(new)
        now, name = new.created_at, new.on_behalf_of
        details = {k: v for k, v in _document(override).items() if k != "approver"}
        event = _audit_event("override.created", None, override, now, name, details)
        await writer.record(event)
        if override.state == "active":
            await _replace_others(writer, override, name, now)
        return override

    async def _seen(self, override: Override, now: datetime) -> Decided:
        if phase_of(override, now) != "active":
            return Decided(override, effective=False)
        seen = await self._decisions.names_override(
            override.service_name, override.id, self._visible_timeout_seconds
        )
        return Decided(override, effective=seen)


def _check_length(policy: Policy, new: NewOverride) -> None:
    longest = timedelta(hours=policy.overrides.max_hours)
    if new.expires_at - new.created_at > longest:
        minutes = int(longest.total_seconds() // 60)
        detail = f"may be at most {minutes} by policy {policy.name}"
        raise invalid("expires_in_minutes", "too_long_for_policy", detail)


def _awaiting(new: NewOverride) -> NewOverride:
    """Return the override as pending; nobody has to agree to stricter rules."""
    if new.decision == "BLOCK":
        return new
    check_somebody_s()
    return replace(new, state="pending")


async def _replace_others(
    writer: PolicyWriter, newest: Override, on_behalf_of: str | None, now: datetime
) -> None:
    """End what spoke of the same changes before."""
    for other in await writer.in_force(newest.service_name, now):
        if other.id != newest.id and same_scope(other, newest):
            reason = f"replaced by override {newest.id}"
            await _end(writer, other, "replaced", on_behalf_of, reason, now)


async def _end(  # noqa: PLR0913, PLR0917 - for whom, what and why
    writer: PolicyWriter,
    override: Override,
    state: str,
    on_behalf_of: str | None,
    reason: str,
    now: datetime,
) -> Override:
    ended = await writer.change_override(
        override.id,
        state=state,
        ended_by=current_actor(),
        ended_on_behalf_of=on_behalf_of,
        ended_at=now,
        end_reason=reason,
    )
    details: dict[str, object] = {"reason": reason}
    await writer.record(
        _audit_event(f"override.{state}", override, ended, now, on_behalf_of, details)
    )
    return ended


def _audit_event(  # noqa: PLR0913, PLR0917 - for whom, what and from what
    action: str,
    old: Override | None,
    new: Override,
    now: datetime,
    on_behalf_of: str | None,
    details: dict[str, object],
) -> AuditEvent:
    changes = field_changes(None if old is None else _document(old), _document(new))
    subject = override_key(new.id)
    return AuditEvent(now, action, subject, new.service_name, details, changes, on_behalf_of)


def _document(override: Override) -> dict[str, object]:
    """Return what the audit shows of an override."""
    return {
        "decision": override.decision,
        "reason": override.reason,
        "ticket": override.ticket,
        "version": override.version,
        "change_class": override.change_class,
        "expires_at": override.expires_at.isoformat(),
        "max_uses": override.max_uses,
        "state": override.state,
        "approver": override.approver,
    }


async def _override(reader: PolicyReader, service_name: str, override_id: int) -> Override:
    override = await reader.override(override_id)
    mine = None if override is None or override.service_name != service_name else override
    lists = f"GET /api/release/{service_name}/override lists those there are"
    detail = f"`{service_name}` has no override {override_id}; {lists}."
    return existing(mine, "unknown_override", detail)
