"""Operations on services and targets: each is one transaction, with its event and its audit."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec

from api_gateway.catalog.cache import InUse
from api_gateway.catalog.definitions import changed_spec, new_spec
from api_gateway.catalog.domain import (
    ReportedBy,
    Service,
    Target,
    Tier,
    nearest_bounds,
    same_histograms,
    same_measure,
    service_key,
    service_name_fault,
    target_key,
)
from api_gateway.catalog.edits import purge_of, retirement, target_edit, tier_edit
from api_gateway.catalog.repository import CatalogReader, CatalogStore, CatalogWriter
from api_gateway.catalog.schemas import (
    MOST_PURGED,
    NewService,
    NewTarget,
    ServiceUpdate,
    TargetUpdate,
)
from api_gateway.http.problems import existing, invalid, refusing, shown_name
from api_gateway.http.remembered import REMEMBERED_AT
from api_gateway.loosening.edit import AS_IS, Terms
from api_gateway.loosening.guard import LooseningGuard
from common.config.clock import Clock, system_clock
from common.events import TargetSpec
from common.http.problems import Problem
from common.slo.streams import stream_of
from common.slo.vocabulary import MAX_TARGETS
from common.storage.audit import AuditEvent
from common.storage.audit_changes import FieldChange, field_changes
from common.storage.database import DATABASE_ERRORS, is_unavailable

PURGED_AT_ONCE = 250
SHOWN_NAMES = 100


@dataclass(frozen=True, slots=True)
class Purged:
    """How many services matched and have no targets, how many have, and how many were retired."""

    matched: int
    set_up: int
    retired: int
    names: list[str]


def unknown_service(name: str) -> Problem:
    """Return the problem of a service that is not in use."""
    detail = f"There is no service `{shown_name(name)}`; GET /api/services lists those there are."
    return Problem(404, "unknown_service", detail)


class Catalog:
    """Services and targets. Every refusal is a Problem that names field and fix.

    While the database does not answer, services and targets are those that are `remembered`.
    """

    def __init__(
        self,
        store: CatalogStore,
        guard: LooseningGuard,
        default: TargetSpec,
        clock: Clock = system_clock,
        remembered: Callable[[], InUse | None] = lambda: None,
    ) -> None:
        self._store, self._guard, self._default = store, guard, default
        self._clock, self._remembered = clock, remembered

    async def services(self, after: str, limit: int) -> list[Service]:
        """Return up to `limit` services in use whose names sort after `after`, by name."""
        try:
            async with self._store.read() as reader:
                return await reader.services(after, limit)
        except DATABASE_ERRORS as error:
            return [*self._in_memory(error).after(after, limit)]

    async def service(self, name: str) -> Service:
        """Return a service in use; 404, also for what can be no service's name."""
        if service_name_fault(name):
            raise unknown_service(name)
        try:
            async with self._store.read() as reader:
                return await _service(reader, name)
        except DATABASE_ERRORS as error:
            found = next((s for s in self._in_memory(error).services if s.name == name), None)
            if found is None:
                raise
            return found

    async def target(self, target_id: int) -> Target:
        """Return a target in use; 404."""
        async with self._store.read() as reader:
            return await _target(reader, target_id)

    async def targets(self, service_name: str) -> list[Target]:
        """Return the targets of a service, by id."""
        try:
            async with self._store.read() as reader:
                return await reader.targets([service_name])
        except DATABASE_ERRORS as error:
            return list(self._in_memory(error).targets.get(service_name, ()))

    def _in_memory(self, error: Exception) -> InUse:
        """Return what is remembered where the database is away; raise the error otherwise."""
        remembered = self._remembered()
        if remembered is None or not is_unavailable(error):
            raise error
        REMEMBERED_AT.set(remembered.read_at)
        return remembered

    async def targets_in_use(self, service_names: Sequence[str]) -> dict[str, list[Target]]:
        """Return the targets of each of the services that are in use."""
        async with self._store.read() as reader:
            found: dict[str, list[Target]] = {n: [] for n in await reader.in_use(service_names)}
            for target in await reader.targets([*found]):
                found[target.service_name].append(target)
        return found

    async def create_service(self, body: NewService) -> Service:
        """Store a service; 409 where the name is in use.

        One that was deleted and comes again in another tier may be promised less.
        """
        async with self._store.write() as writer:
            if await writer.service(body.name):
                detail = f"`{body.name}` exists; change it by PUT /api/services/{body.name}"
                raise invalid("name", "duplicate_service", detail, 409)
            had = await writer.last_tier(body.name)
            service = await writer.add_service(body.name, body.tier, body.owner, body.description)
            if had is not None:
                await self._admit_tier(writer, service, had, Terms(body.reason))
            changes = field_changes(None, _described(service))
            await writer.record(_service_event("service.created", service, changes, self._clock()))
        return service

    async def update_service(self, name: str, body: ServiceUpdate, terms: Terms = AS_IS) -> Service:
        """Store a service's new tier and texts; 404, or 422 where the body names another one."""
        async with self._store.write() as writer:
            service = await _service(writer, name)
            _check_same("name", body.name, service.name)
            changed = await writer.change_service(
                service.id, body.tier, body.owner, body.description
            )
            await self._admit_tier(writer, changed, service.tier, terms)
            changes = field_changes(_described(service), _described(changed))
            await writer.record(
                _service_event("service.changed", changed, changes, self._clock(), terms)
            )
        return changed

    async def retire_service(self, name: str, terms: Terms = AS_IS) -> None:
        """Take a service and its targets out of use; 404."""
        async with self._store.write() as writer:
            service = await _service(writer, name)
            targets, blocked = await writer.targets([name]), self._guard.blocks(name)
            edit = retirement(service, targets, blocked=blocked)
            await self._guard.admit(writer.unit, edit, terms)
            await writer.retire_service(service.id)
            promised = {target.spec.name: _specified(target) for target in targets}
            changes = field_changes({**_described(service), "targets": promised}, None)
            await writer.record(
                _service_event("service.deleted", service, changes, self._clock(), terms)
            )

    async def purge(self, origin: ReportedBy, reason: str | None, *, dry_run: bool) -> Purged:
        """Retire up to MOST_PURGED services that match and have no targets; or name them only."""
        async with self._store.read() as reader:
            matching = await reader.reported_by(origin)
        names = [name for _, name in matching.found]
        if dry_run:
            return Purged(len(names), matching.set_up, 0, names[:SHOWN_NAMES])
        for start in range(0, min(len(names), MOST_PURGED), PURGED_AT_ONCE):
            part = matching.found[start : start + PURGED_AT_ONCE]
            await self._purge(origin, part, Terms(reason))
        retired = min(len(names), MOST_PURGED)
        return Purged(len(names), matching.set_up, retired, names[:SHOWN_NAMES])

    async def _purge(
        self, origin: ReportedBy, part: Sequence[tuple[int, str]], terms: Terms
    ) -> None:
        """Retire some services in one transaction, with one entry of the audit."""
        now = self._clock()
        details = {**asdict(origin), "services": [name for _, name in part]}
        if origin.unseen_since is not None:
            details["unseen_since"] = origin.unseen_since.isoformat()
        blocked = tuple(name for _, name in part if self._guard.blocks(name))
        async with self._store.write() as writer:
            await self._guard.admit(writer.unit, purge_of(blocked), terms)
            await writer.retire_services([service_id for service_id, _ in part])
            changes = field_changes({"services": details["services"]}, {"services": []})
            await writer.record(
                AuditEvent(now, "services.purged", "services", None, details, changes)
            )

    async def create_target(
        self, service_name: str, body: NewTarget, terms: Terms = AS_IS
    ) -> Target:
        """Store a target; 404 service, 409 duplicate, 422 what cannot be measured."""
        async with self._store.write() as writer:
            service = await _service(writer, service_name)
            _check_same("service_name", body.service_name, service.name)
            with refusing():
                spec = new_spec(body)
            await _check_threshold(writer, service.name, spec)
            await _check_unique(writer, service.name, spec, None)
            await _check_limit(writer, service.name)
            before = await writer.targets([service.name])
            target = await writer.add_target(service, spec)
            await self._admit(writer, before, [*before, target], target, terms)
            changes = field_changes(None, _specified(target))
            await writer.record(
                _target_event("target.created", target, changes, self._clock(), terms)
            )
        return target

    async def update_target(
        self, target_id: int, body: TargetUpdate, terms: Terms = AS_IS
    ) -> Target:
        """Store a target's new spec; problems as for a new one."""
        async with self._store.write() as writer:
            target = await _target(writer, target_id)
            _check_same("id", body.id, target.id)
            _check_same("service_name", body.service_name, target.service_name)
            with refusing():
                spec = changed_spec(body, target.spec)
            if not same_histograms(spec, target.spec):
                await _check_threshold(writer, target.service_name, spec)
            await _check_unique(writer, target.service_name, spec, target.id)
            before = await writer.targets([target.service_name])
            changed = await writer.change_target(target.id, spec)
            after = [changed if known.id == changed.id else known for known in before]
            await self._admit(writer, before, after, changed, terms)
            changes = field_changes(_specified(target), _specified(changed))
            await writer.record(
                _target_event("target.changed", changed, changes, self._clock(), terms)
            )
        return changed

    async def retire_target(self, target_id: int, terms: Terms = AS_IS) -> None:
        """Take a target out of use; 404."""
        async with self._store.write() as writer:
            target = await _target(writer, target_id)
            before = await writer.targets([target.service_name])
            after = [known for known in before if known.id != target.id]
            await self._admit(writer, before, after, target, terms)
            await writer.retire_target(target.id)
            changes = field_changes(_specified(target), None)
            await writer.record(
                _target_event("target.deleted", target, changes, self._clock(), terms)
            )

    async def _admit(
        self,
        writer: CatalogWriter,
        before: Sequence[Target],
        after: Sequence[Target],
        about: Target,
        terms: Terms,
    ) -> None:
        edit = target_edit(before, after, self._default, about)
        await self._guard.admit(writer.unit, edit, terms)

    async def _admit_tier(
        self, writer: CatalogWriter, service: Service, had: Tier, terms: Terms
    ) -> None:
        loosened = await self._guard.retiered(writer.unit, service.name, had, service.tier)
        await self._guard.admit(writer.unit, tier_edit(service, loosened, had), terms)


async def _service(reader: CatalogReader, name: str) -> Service:
    service = await reader.service(name)
    if service is None:
        raise unknown_service(name)
    return service


async def _target(reader: CatalogReader, target_id: int) -> Target:
    lists = "GET /api/slo/<service>/targets lists those of a service"
    detail = f"There is no SLO target {target_id}; {lists}."
    return existing(await reader.target(target_id), "unknown_target", detail)


def _check_same(field: str, given: object, path: object) -> None:
    if given is not None and given != path:
        detail = f"must be `{path}` as in the path, or be left out; it cannot be changed"
        raise invalid(field, "differs_from_path", detail)


async def _check_threshold(reader: CatalogReader, service_name: str, spec: TargetSpec) -> None:
    if spec.threshold_seconds is None:
        return
    stream = stream_of(service_name, spec.indicator)
    nearest = nearest_bounds(spec.threshold_seconds, await reader.latency_bounds(stream))
    if nearest:
        named = " and ".join(f"{bound}" for bound in nearest)
        detail = f"is no bucket bound of `{stream}`; the nearest: {named}"
        raise invalid("threshold_seconds", "not_a_bound", detail)


async def _check_unique(
    reader: CatalogReader, service_name: str, spec: TargetSpec, own_id: int | None
) -> None:
    for other in await reader.targets([service_name]):
        if other.id == own_id:
            continue
        if other.spec.name == spec.name:
            detail = f"target {other.id} of `{service_name}` has this name; choose another"
            raise invalid("name", "duplicate_target", detail, 409)
        if same_measure(other.spec, spec):
            detail = (
                f"target {other.id} (`{other.spec.name}`) measures the same; change that "
                f"one by PUT /api/slo/targets/{other.id}"
            )
            raise invalid("objective", "duplicate_definition", detail, 409)


async def _check_limit(reader: CatalogReader, service_name: str) -> None:
    if len(await reader.targets([service_name])) >= MAX_TARGETS:
        detail = f"`{service_name}` has {MAX_TARGETS} targets, which is the limit; delete one first"
        raise invalid("service_name", "too_many_targets", detail, 409)


def _service_event(
    action: str,
    service: Service,
    changes: Sequence[FieldChange],
    now: datetime,
    by: Terms = AS_IS,
) -> AuditEvent:
    subject, details = service_key(service.name), {**_described(service), **_why(by)}
    return AuditEvent(now, action, subject, service.name, details, changes, by.on_behalf_of)


def _target_event(
    action: str, target: Target, changes: Sequence[FieldChange], now: datetime, by: Terms
) -> AuditEvent:
    subject, details = target_key(target.id), {**_specified(target), **_why(by)}
    name = target.service_name
    return AuditEvent(now, action, subject, name, details, changes, by.on_behalf_of)


def _why(by: Terms) -> dict[str, str]:
    return {} if by.reason is None else {"reason": by.reason}


def _described(service: Service) -> dict[str, Any]:
    return {"tier": service.tier, "owner": service.owner, "description": service.description}


def _specified(target: Target) -> dict[str, Any]:
    spec: dict[str, Any] = msgspec.to_builtins(target.spec)
    return spec
