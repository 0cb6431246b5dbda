"""What the service needs of Kafka."""

from typing import Protocol

from common.kafka.client import Sender


class Broker(Sender, Protocol):
    """A publisher of records; each method raises UnknownOutcomeError where no broker answers."""

    async def check(self) -> None:
        """Ask a broker whether it answers."""

    async def stop(self) -> None:
        """Close all connections."""
