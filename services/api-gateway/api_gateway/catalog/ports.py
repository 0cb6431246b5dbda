"""What the gateway needs of a store: a reader, and a writer whose work is all or nothing."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from api_gateway.catalog.domain import Service, Target, Tier
from common.events import TargetSpec
from common.storage.audit import AuditEvent


class CatalogReader(Protocol):
    """Reads what is in use; names and ids of what is retired are as unknown."""

    async def services(self, after: str, limit: int) -> list[Service]:
        """Return up to `limit` services whose names sort after `after`, by name."""
        ...

    async def service(self, name: str) -> Service | None:
        """Return the service that has the name now."""
        ...

    async def in_use(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that a service has now."""
        ...

    async def targets(self, service_names: Sequence[str]) -> list[Target]:
        """Return the targets of these services, by id."""
        ...

    async def target(self, target_id: int) -> Target | None:
        """Return one target."""
        ...

    async def latency_bounds(self, service_name: str) -> list[tuple[float, ...]]:
        """Return the sets of bucket bounds, in seconds, of the histograms that are kept."""
        ...

    async def latest_revisions(self) -> tuple[list[Service], list[Target]]:
        """Return the newest row of every service name and every target, retired ones too."""
        ...


class CatalogWriter(CatalogReader, Protocol):
    """Writes, one writer at a time, so that revisions rise in the order of their commits."""

    async def add_service(
        self, name: str, tier: Tier, owner: str, description: str | None
    ) -> Service:
        """Store a service that is not in use and announce it."""
        ...

    async def change_service(
        self, service_id: int, tier: Tier, owner: str, description: str | None
    ) -> Service:
        """Store the new wording and announce it."""
        ...

    async def retire_service(self, service_id: int) -> None:
        """Take the service and its targets out of use and announce it."""
        ...

    async def discover(self, names: Sequence[str]) -> list[Service]:
        """Store and announce those names that never had a row."""
        ...

    async def add_target(self, service: Service, spec: TargetSpec) -> Target:
        """Store a target and announce it."""
        ...

    async def change_target(self, target_id: int, spec: TargetSpec) -> Target:
        """Store the new spec and announce it."""
        ...

    async def retire_target(self, target_id: int) -> None:
        """Take the target out of use and announce it."""
        ...

    async def announce(self, services: Sequence[Service], targets: Sequence[Target]) -> None:
        """Put the present revisions into the outbox, where they are not yet."""
        ...

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        ...


class Store(Protocol):
    """Opens readers and writers."""

    def read(self) -> AbstractAsyncContextManager[CatalogReader]:
        """Give a reader of one moment."""
        ...

    def write(self) -> AbstractAsyncContextManager[CatalogWriter]:
        """Give a writer; what it did is kept, with its events, when the block ends well."""
        ...
