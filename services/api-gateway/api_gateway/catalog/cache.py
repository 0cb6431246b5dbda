"""The services and targets in use, in memory, for answers that are about all of them.

The rows are the truth. They are read again after a write of this process, at once, and after a
record on the catalog topic, which follows a write of another one.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api_gateway.catalog.domain import Service, Target
from api_gateway.catalog.repository import CatalogStore
from common.config.clock import Clock

MOST_SERVICES = 10_000
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class InUse:
    """Services by name, and the targets of each, as they were at `read_at`."""

    read_at: datetime
    services: tuple[Service, ...]
    targets: Mapping[str, Sequence[Target]]

    def after(self, name: str, limit: int) -> Sequence[Service]:
        """Return up to `limit` services whose names sort after `name`."""
        first = bisect_right(self.services, name, key=lambda service: service.name)
        return self.services[first : first + limit]


class CatalogCache:
    """What the catalog holds in use. `announced` counts the records of the catalog topic."""

    def __init__(self, store: CatalogStore, announced: Callable[[], int], clock: Clock) -> None:
        self._store, self._announced, self._clock = store, announced, clock
        self._known: InUse | None = None
        self._known_at: tuple[int, int] | None = None
        self._reading = asyncio.Lock()

    @property
    def writes(self) -> int:
        """How often this process has written to the catalog."""
        return self._store.writes

    @property
    def known(self) -> InUse | None:
        """What was in use at the last look; None before the first."""
        return self._known

    async def in_use(self) -> InUse:
        """Return what is in use now."""
        async with self._reading:
            at = (self._store.writes, self._announced())
            if self._known is None or self._known_at != at:
                self._known, self._known_at = await self._read(), at
            return self._known

    async def run(self) -> None:
        """Refresh what is in use, for readers that cannot wait for the database; for ever."""
        while True:
            await self.in_use()
            await asyncio.sleep(LOOK_SECONDS)

    async def _read(self) -> InUse:
        read_at = self._clock()
        async with self._store.read() as reader:
            services = await reader.services("", MOST_SERVICES)
            targets = await reader.targets([service.name for service in services])
        of: dict[str, list[Target]] = {service.name: [] for service in services}
        for target in targets:
            of[target.service_name].append(target)
        return InUse(read_at, tuple(services), of)
