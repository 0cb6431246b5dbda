"""Answers whether a change may be released, and counts the use of an override that allows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from api_gateway.catalog.domain import Service
from api_gateway.catalog.service import Catalog
from api_gateway.policy.domain import Override, override_key
from api_gateway.policy.policies import PolicyService
from api_gateway.policy.repository import PolicyStore
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.domain import ProposedChange, Release, release_of, undecided
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes


@dataclass(frozen=True, slots=True)
class ReleaseFound:
    """A release at `now`, and the override that made it, if one did."""

    release: Release
    override: Override | None
    now: datetime


class ReleaseService:
    """Reads what an answer needs: the newest decision, the overrides in force, the policy."""

    def __init__(
        self,
        catalog: Catalog,
        overrides: PolicyStore,
        read_model: ReadModel,
        decisions: DecisionBook,
        policies: PolicyService,
    ) -> None:
        self._catalog, self._overrides, self._read_model = catalog, overrides, read_model
        self._decisions, self._policies = decisions, policies

    async def answer(self, service: Service, change: ProposedChange, now: datetime) -> ReleaseFound:
        """Return what holds now."""
        in_force = await self._in_force(service.name, now)
        release = await self._release(service, change, in_force, now)
        return ReleaseFound(release, in_force.get(release.override_id or 0), now)

    def known_until(self, found: ReleaseFound) -> datetime:
        """Return until when an answer holds unless the gate decides anew: a second at most.

        Not at all where more than the newest decision is behind it: overrides, or a policy.
        """
        release, now = found.release, found.now
        decision = self._decisions.newest(release.service_name)
        if decision is None or any(v.override_id is not None for v in decision.verdicts):
            return now
        if release.decision_id != decision.decision_id:
            return now
        soon = now + timedelta(seconds=1)
        return min(soon, release.expires_at) if release.expires_at > now else soon

    async def check(self, service: Service, change: ProposedChange, now: datetime) -> ReleaseFound:
        """Return what holds now; where an override lets the change through, count its use.

        Of several at the same time only as many get its last uses as there are; the others are
        answered without it.
        """
        in_force = await self._in_force(service.name, now)
        while True:
            release = await self._release(service, change, in_force, now)
            if release.override_id is None or not release.allowed:
                return ReleaseFound(release, in_force.get(release.override_id or 0), now)
            used = await self._use(release, now)
            if used is not None:
                return ReleaseFound(release, used, now)
            del in_force[release.override_id]

    async def _use(self, release: Release, now: datetime) -> Override | None:
        async with self._overrides.write() as writer:
            used = await writer.count_use(release.override_id or 0, now)
            if used is not None:
                details = {
                    "change_class": release.change.change_class,
                    "version": release.change.version,
                    "decision_id": release.decision_id,
                    "uses": used.uses,
                    "max_uses": used.max_uses,
                }
                subject = override_key(used.id)
                changes = field_changes({"uses": used.uses - 1}, {"uses": used.uses})
                await writer.record(
                    AuditEvent(now, "override.used", subject, used.service_name, details, changes)
                )
        return used

    async def _in_force(self, service_name: str, now: datetime) -> dict[int, Override]:
        """Return the overrides that may be used now; only a decision that names one asks."""
        decision = self._decisions.newest(service_name)
        if decision is None or all(v.override_id is None for v in decision.verdicts):
            return {}
        async with self._overrides.read() as reader:
            return {o.id: o for o in await reader.in_force(service_name, now)}

    async def _release(
        self,
        service: Service,
        change: ProposedChange,
        in_force: Mapping[int, Override],
        now: datetime,
    ) -> Release:
        decision = self._decisions.newest(service.name)
        if decision is not None:
            release = release_of(decision, change, service, in_force.keys(), now)
            if release is not None:
                return release
        targets = await self._catalog.targets(service.name)
        state = self._read_model.state(service.name, targets, now)
        policy = (await self._policies.in_force()).policy_for(service.name, service.tier)
        return undecided(service, change, policy, (state.risk_level, state.data_status), now)
