"""The catalog in PostgreSQL. A write and the event about it are one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from api_gateway.catalog.domain import (
    Service,
    Target,
    Tier,
    service_changed,
    service_key,
    target_changed,
    target_key,
)
from api_gateway.catalog.tables import columns_of, service_of, services, slo_targets, target_of
from api_gateway.storage.unit_of_work import NEXT_REVISION, Store, Writing
from common.counts import reads
from common.events import CatalogMessage, TargetSpec
from common.kafka.topics import CATALOG
from common.storage.audit import AuditEvent
from common.storage.database import Database, ReadSession
from common.storage.outbox import Outbox

OnRetired = Callable[[Writing, str], Awaitable[None]]


class PostgresStore(Store["CatalogReads", "CatalogWrites"]):
    """Readers and writers of the catalog.

    `on_retired` is called for each service that is retired, in the same transaction.
    """

    def __init__(self, database: Database, outbox: Outbox, on_retired: OnRetired) -> None:
        super().__init__(
            database, outbox, CatalogReads, lambda writing: CatalogWrites(writing, on_retired)
        )


class CatalogReads:
    """Reads what is in use."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def services(self, after: str, limit: int) -> list[Service]:
        """Return services by name."""
        # names are compared byte by byte, whatever order the database was created with
        by_name = services.c.name.collate("C")
        statement = (
            select(services)
            .where(services.c.retired_at.is_(None), by_name > after)
            .order_by(by_name)
            .limit(limit)
        )
        return [service_of(row) for row in await self._session.execute(statement)]

    async def service(self, name: str) -> Service | None:
        """Return the service that has the name now."""
        statement = select(services).where(services.c.name == name, services.c.retired_at.is_(None))
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else service_of(row)

    async def in_use(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that a service has now."""
        statement = select(services.c.name).where(
            services.c.name.in_(names), services.c.retired_at.is_(None)
        )
        return set(await self._session.scalars(statement))

    async def targets(self, service_names: Sequence[str]) -> list[Target]:
        """Return the targets of services, by id."""
        statement = _targets().where(
            services.c.name.in_(service_names), slo_targets.c.retired_at.is_(None)
        )
        return await self._all_targets(statement)

    async def target(self, target_id: int) -> Target | None:
        """Return one target."""
        statement = _targets().where(
            slo_targets.c.id == target_id, slo_targets.c.retired_at.is_(None)
        )
        found = await self._all_targets(statement)
        return found[0] if found else None

    async def latency_bounds(self, service_name: str) -> list[tuple[float, ...]]:
        """Return the sets of bounds of the service's histograms, in seconds."""
        return await reads.latency_bounds(self._session, service_name)

    async def latest_revisions(self) -> tuple[list[Service], list[Target]]:
        """Return the newest row of every name and every target, retired ones too."""
        newest = (
            select(services)
            .ext(distinct_on(services.c.name))
            .order_by(services.c.name, services.c.revision.desc())
        )
        rows = await self._session.execute(newest)
        return [service_of(row) for row in rows], await self._all_targets(_targets())

    async def _all_targets(self, statement: Select[Any]) -> list[Target]:
        rows = await self._session.execute(statement.order_by(slo_targets.c.id))
        return [target_of(row) for row in rows]


class CatalogWrites(CatalogReads):
    """Writes and announces."""

    def __init__(self, writing: Writing, on_retired: OnRetired) -> None:
        super().__init__(writing.session)
        self._writing, self._on_retired = writing, on_retired

    async def add_service(
        self, name: str, tier: Tier, owner: str, description: str | None
    ) -> Service:
        """Store a service."""
        values = {"name": name, "tier": tier, "owner": owner, "description": description}
        statement = insert(services).values(values).returning(*services.c)
        return (await self._changed_services(statement))[0]

    async def change_service(
        self, service_id: int, tier: Tier, owner: str, description: str | None
    ) -> Service:
        """Store the new wording."""
        values = {"tier": tier, "owner": owner, "description": description, **_touched()}
        statement = update(services).where(services.c.id == service_id).values(values)
        return (await self._changed_services(statement.returning(*services.c)))[0]

    async def retire_service(self, service_id: int) -> None:
        """Retire the targets, then the service, with what ends with it."""
        mine = slo_targets.c.service_id == service_id
        await self._retire_targets(mine)
        statement = (
            update(services)
            .where(services.c.id == service_id)
            .values(retired_at=func.now(), **_touched())
        )
        for service in await self._changed_services(statement.returning(*services.c)):
            await self._on_retired(self._writing, service.name)

    async def discover(self, names: Sequence[str]) -> list[Service]:
        """Store the names that never had a row; a retired one is known."""
        known = await self._session.scalars(
            select(services.c.name).where(services.c.name.in_(names)).distinct()
        )
        fresh = sorted({*names} - {*known})
        if not fresh:
            return []
        rows = [{"name": name, "tier": 3, "owner": ""} for name in fresh]
        return await self._changed_services(insert(services).values(rows).returning(*services.c))

    async def add_target(self, service: Service, spec: TargetSpec) -> Target:
        """Store a target."""
        values = {"service_id": service.id, **columns_of(spec)}
        statement = insert(slo_targets).values(values).returning(slo_targets.c.id)
        return await self._changed_target((await self._session.execute(statement)).scalar_one())

    async def change_target(self, target_id: int, spec: TargetSpec) -> Target:
        """Store the new spec."""
        statement = (
            update(slo_targets)
            .where(slo_targets.c.id == target_id)
            .values(**columns_of(spec), **_touched())
        )
        await self._session.execute(statement)
        return await self._changed_target(target_id)

    async def retire_target(self, target_id: int) -> None:
        """Retire one target."""
        await self._retire_targets(slo_targets.c.id == target_id)

    async def announce(self, services: Sequence[Service], targets: Sequence[Target]) -> None:
        """Put events into the outbox; the same revision is announced once."""
        changes: list[tuple[str, CatalogMessage]] = [
            *((service_key(s.name), service_changed(s)) for s in services),
            *((target_key(t.id), target_changed(t)) for t in targets),
        ]
        await self._writing.announce(CATALOG.name, changes)

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        await self._writing.record(deed)

    async def _changed_services(self, statement: Any) -> list[Service]:
        changed = [service_of(row) for row in await self._session.execute(statement)]
        await self.announce(changed, [])
        return changed

    async def _changed_target(self, target_id: int) -> Target:
        (target,) = await self._all_targets(_targets().where(slo_targets.c.id == target_id))
        await self.announce([], [target])
        return target

    async def _retire_targets(self, which: Any) -> None:
        statement = (
            update(slo_targets)
            .where(which, slo_targets.c.retired_at.is_(None))
            .values(retired_at=func.now(), **_touched())
            .returning(slo_targets.c.id)
        )
        for target_id in list(await self._session.scalars(statement)):
            await self._changed_target(target_id)


def _touched() -> dict[str, Any]:
    return {"revision": NEXT_REVISION, "updated_at": func.now()}


def _targets() -> Select[Any]:
    joined = slo_targets.join(services, services.c.id == slo_targets.c.service_id)
    return select(slo_targets, services.c.name.label("service_name")).select_from(joined)
