"""Delivery alone, as a process that can be killed."""

import asyncio

from alerts.delivery.service import Delivery
from alerts.delivery.settings import DeliverySettings
from common.config.clock import system_clock
from common.config.settings import DatabaseSettings
from common.observability.logging import configure_logging
from common.storage.database import Database


async def main() -> None:
    """Deliver until killed."""
    database = Database.connect(DatabaseSettings(), "delivery")
    await Delivery(DeliverySettings(), database, system_clock).run()


if __name__ == "__main__":
    configure_logging("delivery", debug=False)
    asyncio.run(main())
