"""Connect the servers of a consumer, and pass them on as one object."""

from dataclasses import dataclass
from typing import Self

from common.config.clock import Clock, system_clock
from common.config.settings import ConsumerSettings, KafkaSettings
from common.kafka.client import Publisher
from common.storage.database import Database
from common.storage.outbox import Outbox


@dataclass(frozen=True, slots=True)
class ConsumerRuntime:
    """A consumer's servers and clock; `name` is its schema and its group.

    `shards` is the number of partitions of its topics.
    """

    name: str
    shards: int
    kafka: KafkaSettings
    database: Database
    publisher: Publisher
    outbox: Outbox
    clock: Clock = system_clock

    @classmethod
    def connect(cls, name: str, settings: ConsumerSettings, shards: int) -> Self:
        """Return a runtime whose clients connect when first used."""
        database = Database.connect(settings.database, name)
        publisher = Publisher(settings.kafka)
        outbox = Outbox(name, database, publisher)
        return cls(name, shards, settings.kafka, database, publisher, outbox)

    async def close(self) -> None:
        """Send what is left, and close every connection."""
        await self.publisher.stop()
        await self.database.close()
