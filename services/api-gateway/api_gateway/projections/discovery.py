"""Services that report without having been declared get a row of their own."""

import asyncio

import structlog

from api_gateway.catalog.domain import service_name_fault
from api_gateway.catalog.repository import CatalogStore

log = structlog.get_logger()

_BATCH = 500


class Discovery:
    """Collects names as they are seen and stores the new ones, outside the reader's way."""

    def __init__(self, store: CatalogStore) -> None:
        self._store = store
        self._known: set[str] = set()
        self._waiting: dict[str, None] = {}
        self._wake = asyncio.Event()

    def saw(self, service_name: str) -> None:
        """Note a name that reports; a name once stored is never asked about again."""
        if service_name in self._known or service_name in self._waiting:
            return
        if service_name_fault(service_name) is None:
            self._waiting[service_name] = None
            self._wake.set()

    async def run(self) -> None:
        """Store what has been seen, for ever; cancel to stop. Raises where the store fails."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.store_waiting()

    async def store_waiting(self) -> None:
        """Store the names that wait; where that fails they go on waiting."""
        while names := list(self._waiting)[:_BATCH]:
            try:
                async with self._store.write() as writer:
                    found = await writer.discover(names)
            except BaseException:
                self._wake.set()
                raise
            for service in found:
                log.info("service_discovered", service=service.name)
            self._known.update(names)
            for name in names:
                del self._waiting[name]
