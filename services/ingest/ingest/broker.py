"""What the service needs of Kafka."""

from collections.abc import Sequence
from typing import Any, Protocol

from common.kafka.client import Headers

OutRecord = tuple[str, bytes | None, bytes | None, int | None, Headers]
"""Topic, value, key, partition, headers."""


class Broker(Protocol):
    """A publisher of records; each method raises UnknownOutcomeError where no broker answers."""

    async def send_all(self, records: Sequence[OutRecord]) -> Any:
        """Send in order; return once all are acknowledged."""

    async def check(self) -> None:
        """Ask a broker whether it answers."""

    async def stop(self) -> None:
        """Close all connections."""
