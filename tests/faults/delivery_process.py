"""Delivery alone, as a process that can be killed."""

import asyncio

from alerts.delivery.service import Delivery
from alerts.delivery.settings import DeliverySettings
from common.clock import system_clock
from common.database import Database
from common.logging import configure_logging
from common.settings import DatabaseSettings


async def main() -> None:
    """Deliver until killed."""
    database = Database.connect(DatabaseSettings(), "delivery")
    await Delivery(DeliverySettings(), database, system_clock).run()


if __name__ == "__main__":
    configure_logging("delivery", debug=False)
    asyncio.run(main())
