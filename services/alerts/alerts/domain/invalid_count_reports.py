"""Reports refused because they hold more good or bad events than total, by service. Pure."""

from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import Final

REMEMBERED: Final = timedelta(minutes=10)
CODES: Final = frozenset({"good_exceeds_total", "bad_exceeds_total"})
MAX_REMEMBERED: Final = 1000
MAX_SERVICES: Final = 10_000


class InvalidCountReports:
    """When such reports were refused: the newest of each service."""

    def __init__(self) -> None:
        self._refused_at: dict[str, deque[datetime]] = defaultdict(
            lambda: deque(maxlen=MAX_REMEMBERED)
        )

    def add(self, service_name: str, at: datetime) -> None:
        """Add a refused report; skip those of new services beyond `MAX_SERVICES`."""
        if service_name in self._refused_at or len(self._refused_at) < MAX_SERVICES:
            self._refused_at[service_name].append(at)

    def count(self, service_name: str, now: datetime) -> int:
        """Return how many were refused in the last ten minutes."""
        return sum(at > now - REMEMBERED for at in self._refused_at.get(service_name, ()))

    def services(self, now: datetime) -> list[str]:
        """Return the services that have any; forget what is older."""
        for name in [n for n, found in self._refused_at.items() if found[-1] <= now - REMEMBERED]:
            del self._refused_at[name]
        return list(self._refused_at)
