"""Tells when keys were used: beside the requests, and of each key at most once a minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from common.access.key_ring import ApiKeyCache
from common.events import ApiKeyUsed, encode
from common.kafka.client import Headers, UnknownOutcomeError
from common.kafka.topics import KEY_USES
from common.runtime.loops import every

LOOK_SECONDS = 5.0
BETWEEN_REPORTS = timedelta(minutes=1)


class Publishes(Protocol):
    """The part of a publisher that reports need."""

    async def send_all(
        self, records: Sequence[tuple[str, bytes | None, bytes | None, int | None, Headers]]
    ) -> Any:
        """Send in order; raise UnknownOutcomeError where that fails."""


class UseReports:
    """Passes on what a ring has seen."""

    def __init__(self, process: str, ring: ApiKeyCache, publisher: Publishes) -> None:
        self._process, self._ring, self._publisher = process, ring, publisher
        self._told: dict[str, datetime] = {}
        self._untold: dict[str, datetime] = {}

    async def run(self) -> None:
        """Report for ever; cancel to stop."""
        await every(LOOK_SECONDS, "key_uses", self.report)

    async def report(self) -> None:
        """Tell of the keys that were used and not told of within the last minute."""
        self._untold |= self._ring.take_uses()
        due = {key: at for key, at in self._untold.items() if self._is_due(key, at)}
        if not due:
            return
        uses = [ApiKeyUsed(key, at, self._process) for key, at in due.items()]
        try:
            await self._publisher.send_all(
                [(KEY_USES.name, encode(u), u.id.encode(), None, ()) for u in uses]
            )
        except UnknownOutcomeError:
            return  # what is told is a level: it goes out with the next look
        self._told |= due
        self._untold = {k: at for k, at in self._untold.items() if due.get(k) != at}

    def _is_due(self, key_id: str, at: datetime) -> bool:
        told = self._told.get(key_id)
        return told is None or at - told >= BETWEEN_REPORTS
