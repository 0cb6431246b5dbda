"""Delivery as one part of the process: its wiring and its loops."""

import asyncio

from alerts.delivery import repository
from alerts.delivery.guard import AddressGuard
from alerts.delivery.relay import Relay
from alerts.delivery.sender import Sender
from alerts.delivery.settings import DeliverySettings
from alerts.delivery.transport import Transport
from common.config.clock import Clock
from common.runtime.loops import every
from common.storage.database import Database

_REPEAT_LOOK_SECONDS = 1.0
_PURGE_SECONDS = 600.0


class Delivery:
    """Delivers notifications. `wake` it after each commit that wrote some."""

    def __init__(self, settings: DeliverySettings, database: Database, clock: Clock) -> None:
        self._settings, self._database = settings, database
        guard = AddressGuard(settings.allowed_networks)
        self._transport = Transport(guard, settings.timeout_seconds)
        self._relay = Relay(settings, database, Sender(settings, self._transport, clock))
        self.wake = self._relay.wake

    async def run(self) -> None:
        """Deliver until cancelled; attempts under way are ended first."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._relay.run())
                tasks.create_task(every(_REPEAT_LOOK_SECONDS, "repeats", self._repeat))
                tasks.create_task(every(_PURGE_SECONDS, "delivery_purge", self._purge))
        finally:
            await self._transport.close()

    async def _repeat(self) -> None:
        """Repeat open episodes to Alertmanager, which would take them for resolved otherwise.

        A repeat is a row like any other until it is attempted: so it goes out before a resolve of
        the same episode, and only one process sends it.
        """
        async with self._database.write() as session:
            rows = await repository.write_repeats(session, self._settings.repeat_seconds)
        if rows:
            self.wake()

    async def _purge(self) -> None:
        async with self._database.write() as session:
            await repository.purge(session, self._settings.keep_days * 86_400)
