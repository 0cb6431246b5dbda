"""The catalog in PostgreSQL. A write and the event about it are one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Select, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from api_gateway.catalog.domain import (
    Matching,
    ReportedBy,
    Service,
    Target,
    Tier,
    service_changed,
    service_key,
    target_changed,
    target_key,
)
from api_gateway.storage.rows import from_row, table
from api_gateway.storage.unit_of_work import TOUCHED, Reader, StateStore, StateWriter, UnitOfWork
from common.counts import reads
from common.events import CatalogMessage, TargetSpec
from common.kafka.topics import CATALOG
from common.storage.database import Database
from common.storage.outbox import Outbox

services = table(Service, "services")
slo_targets = table(
    TargetSpec,
    "slo_targets",
    "id",
    "service_id",
    "revision",
    "created_at",
    "updated_at",
    "retired_at",
)
_SERVICES_IN_USE = select(services).where(services.c.retired_at.is_(None))
_TARGETS = select(slo_targets, services.c.name.label("service_name")).join_from(
    slo_targets, services, services.c.id == slo_targets.c.service_id
)
_TARGETS_IN_USE = _TARGETS.where(slo_targets.c.retired_at.is_(None))

# what burnrate knows of a service: who brought its name, and when it last reported
_MATCHES = """s.retired_at IS NULL
    AND (CAST(:source AS text) IS NULL OR r.source = :source)
    AND (CAST(:sender AS text) IS NULL OR r.sender = :sender)
    AND (CAST(:unseen_since AS timestamptz) IS NULL OR r.newest_at < :unseen_since)"""
_SET_UP = """EXISTS (SELECT 1 FROM catalog.slo_targets AS t
    WHERE t.service_id = s.id AND t.retired_at IS NULL)"""
_MATCHING = text(
    f"""SELECT s.id, s.name, {_SET_UP} AS set_up
    FROM catalog.services AS s JOIN burnrate.service AS r ON r.service = s.name
    WHERE {_MATCHES} ORDER BY s.name COLLATE "C" """  # noqa: S608 - constants
)

OnRetired = Callable[[UnitOfWork, str], Awaitable[None]]


class CatalogReader(Reader):
    """Reads what is in use; names and ids of what is retired are as unknown."""

    async def services(self, after: str, limit: int) -> list[Service]:
        """Return services by name."""
        # names are compared byte by byte, whatever order the database was created with
        by_name = services.c.name.collate("C")
        statement = _SERVICES_IN_USE.where(by_name > after).order_by(by_name).limit(limit)
        return await self._all(Service, statement)

    async def service(self, name: str) -> Service | None:
        """Return the service that has the name now."""
        return await self._one(Service, _SERVICES_IN_USE.where(services.c.name == name))

    async def in_use(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that a service has now."""
        statement = _SERVICES_IN_USE.with_only_columns(services.c.name)
        return set(await self._session.scalars(statement.where(services.c.name.in_(names))))

    async def reported_by(self, origin: ReportedBy) -> Matching:
        """Return the services in use that were brought so, by name."""
        rows = (await self._session.execute(_MATCHING, asdict(origin))).all()
        return Matching(
            [(row.id, row.name) for row in rows if not row.set_up],
            sum(row.set_up for row in rows),
        )

    async def last_tier(self, name: str) -> Tier | None:
        """Return the tier of the service that has the name, or had it last."""
        statement = select(services.c.tier).where(services.c.name == name)
        found: Tier | None = await self._session.scalar(
            statement.order_by(services.c.revision.desc()).limit(1)
        )
        return found

    async def targets(self, service_names: Sequence[str]) -> list[Target]:
        """Return the targets of services, by id."""
        return await self._all_targets(_TARGETS_IN_USE.where(services.c.name.in_(service_names)))

    async def target(self, target_id: int) -> Target | None:
        """Return one target."""
        found = await self._all_targets(_TARGETS_IN_USE.where(slo_targets.c.id == target_id))
        return found[0] if found else None

    async def latency_bounds(self, stream: str) -> list[tuple[float, ...]]:
        """Return the sets of bounds of a stream's histograms, in seconds."""
        return await reads.latency_bounds(self._session, stream)

    async def _all_targets(self, statement: Select[Any]) -> list[Target]:
        rows = await self._session.execute(statement.order_by(slo_targets.c.id))
        return [from_row(Target, row, spec=from_row(TargetSpec, row)) for row in rows]


class CatalogWriter(StateWriter[Service | Target], CatalogReader):
    """Writes and announces services and targets."""

    topic = CATALOG.name

    def __init__(self, unit: UnitOfWork, on_retired: OnRetired) -> None:
        super().__init__(unit)
        self._on_retired = on_retired

    async def add_service(
        self, name: str, tier: Tier, owner: str, description: str | None
    ) -> Service:
        """Store a service that is not in use."""
        values = {"name": name, "tier": tier, "owner": owner, "description": description}
        [added] = await self._changed(Service, insert(services).values(values), services)
        return added

    async def change_service(
        self, service_id: int, tier: Tier, owner: str, description: str | None
    ) -> Service:
        """Store a new tier and new texts."""
        values = {"tier": tier, "owner": owner, "description": description, **TOUCHED}
        statement = update(services).where(services.c.id == service_id).values(values)
        [changed] = await self._changed(Service, statement, services)
        return changed

    async def retire_service(self, service_id: int) -> None:
        """Retire the targets, then the service, with what ends with it."""
        await self._retire_targets(slo_targets.c.service_id == service_id)
        await self.retire_services([service_id])

    async def retire_services(self, ids: Sequence[int]) -> None:
        """Retire services without targets, with what ends with each."""
        statement = (
            update(services).where(services.c.id.in_(ids)).values(retired_at=func.now(), **TOUCHED)
        )
        for service in await self._changed(Service, statement, services):
            await self._on_retired(self.unit, service.name)

    async def discover(self, names: Sequence[str]) -> list[Service]:
        """Store the names that never had a row; a retired one is known."""
        known = await self._session.scalars(
            select(services.c.name).where(services.c.name.in_(names)).distinct()
        )
        fresh = sorted({*names} - {*known})
        if not fresh:
            return []
        rows = [{"name": name, "tier": 3, "owner": ""} for name in fresh]
        return await self._changed(Service, insert(services).values(rows), services)

    async def add_target(self, service: Service, spec: TargetSpec) -> Target:
        """Store a target."""
        values = {"service_id": service.id, **_columns_of(spec)}
        statement = insert(slo_targets).values(values).returning(slo_targets.c.id)
        return await self._changed_target((await self._session.execute(statement)).scalar_one())

    async def change_target(self, target_id: int, spec: TargetSpec) -> Target:
        """Store the new spec."""
        statement = (
            update(slo_targets)
            .where(slo_targets.c.id == target_id)
            .values(**_columns_of(spec), **TOUCHED)
        )
        await self._session.execute(statement)
        return await self._changed_target(target_id)

    async def retire_target(self, target_id: int) -> None:
        """Retire one target."""
        await self._retire_targets(slo_targets.c.id == target_id)

    async def topic_state(self, now: datetime) -> list[Service | Target]:
        """Return the newest row of every service name and every target, retired ones too."""
        del now
        newest = (
            select(services)
            .ext(distinct_on(services.c.name))
            .order_by(services.c.name, services.c.revision.desc())
        )
        return [*await self._all(Service, newest), *await self._all_targets(_TARGETS)]

    def event(self, entry: Service | Target) -> tuple[str, CatalogMessage]:
        """Return the key and the event of a service or a target."""
        if isinstance(entry, Service):
            return service_key(entry.name), service_changed(entry)
        return target_key(entry.id), target_changed(entry)

    async def _changed_target(self, target_id: int) -> Target:
        (target,) = await self._all_targets(_TARGETS.where(slo_targets.c.id == target_id))
        await self.announce([target])
        return target

    async def _retire_targets(self, which: Any) -> None:
        statement = (
            update(slo_targets)
            .where(which, slo_targets.c.retired_at.is_(None))
            .values(retired_at=func.now(), **TOUCHED)
            .returning(slo_targets.c.id)
        )
        for target_id in list(await self._session.scalars(statement)):
            await self._changed_target(target_id)


class CatalogStore(StateStore[CatalogReader, CatalogWriter]):
    """Opens readers and writers of the catalog.

    `on_retired` is called for each service that is retired, in the same transaction.
    """

    reader = CatalogReader

    def __init__(self, database: Database, outbox: Outbox, on_retired: OnRetired) -> None:
        super().__init__(database, outbox)
        self.writer = partial(CatalogWriter, on_retired=on_retired)


def _columns_of(spec: TargetSpec) -> dict[str, Any]:
    columns: dict[str, Any] = msgspec.to_builtins(spec, builtin_types=(Decimal,))
    return columns
