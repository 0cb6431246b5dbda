"""Delivery as one part of the process: what it is made of, and its loops."""

import asyncio

from alerts.delivery.guard import AddressGuard
from alerts.delivery.relay import Relay
from alerts.delivery.repeats import Repeater
from alerts.delivery.repository import purge
from alerts.delivery.sender import Sender
from alerts.delivery.settings import DeliverySettings
from alerts.delivery.transport import Transport
from common.config.clock import Clock
from common.runtime.loops import every
from common.storage.database import Database

_REPEAT_LOOK_SECONDS = 1.0
_PURGE_SECONDS = 600.0


class Delivery:
    """Run it beside the deciding part, and `wake` it after each commit that wrote rows."""

    def __init__(self, settings: DeliverySettings, database: Database, clock: Clock) -> None:
        self._settings, self._database = settings, database
        self._transport = Transport(
            AddressGuard(settings.allowed_networks), settings.timeout_seconds
        )
        self._relay = Relay(settings, database, Sender(settings, self._transport, clock))
        self._repeater = Repeater(database, settings.repeat_seconds, self._relay.wake)

    def wake(self) -> None:
        """Deliver now rather than at the next look."""
        self._relay.wake()

    async def run(self) -> None:
        """Deliver until cancelled; attempts under way are ended first."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._relay.run())
                tasks.create_task(every(_REPEAT_LOOK_SECONDS, "repeats", self._repeater.repeat_due))
                tasks.create_task(every(_PURGE_SECONDS, "delivery_purge", self._purge))
        finally:
            await self._transport.close()

    async def _purge(self) -> None:
        async with self._database.write() as session:
            await purge(session, self._settings.keep_days * 86_400)
