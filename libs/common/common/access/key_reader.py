"""A ring that follows the keys topic, for processes that check keys and have no database."""

from dataclasses import dataclass
from typing import Protocol, Self

from common.access.key_records import KeyRecords, KeyUses
from common.access.key_ring import ApiKeyCache
from common.config.settings import KafkaSettings
from common.kafka.client import TableReader
from common.kafka.topics import KEYS


class Follows(Protocol):
    """Runs for ever."""

    async def run(self) -> None:
        """Read until cancelled."""


@dataclass(frozen=True, slots=True)
class KeyReader:
    """The ring and what fills it."""

    ring: ApiKeyCache
    table: Follows

    @classmethod
    def of(cls, kafka: KafkaSettings) -> Self:
        """Return a reader of the whole topic, in which each key stands once."""
        ring = ApiKeyCache()
        table = TableReader(kafka, [KEYS.name], KeyRecords(ring, KeyUses()).on_records)
        ring.complete_when(table.caught_up.is_set)
        return cls(ring, table)

    async def run(self) -> None:
        """Follow the topic for ever; cancel to stop."""
        await self.table.run()
