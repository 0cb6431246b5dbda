"""What the operations on API keys stand on, and what keeps it in step with other processes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from api_gateway.api_keys.ports import KeyStore
from api_gateway.api_keys.service import ApiKeyService
from common.access.key_cache import ApiKeyCache, KeyRecords, KeyUses, UseReports
from common.access.middleware import Access, access_of
from common.config.clock import Clock
from common.config.settings import KafkaSettings, Settings
from common.kafka.client import Sender, TableReader
from common.kafka.topics import KEY_USES, KEYS


@dataclass(frozen=True, slots=True)
class KeyParts:
    """The keys this process knows, who is let in by them, and what may be done with them."""

    access: Access
    ring: ApiKeyCache
    book: ApiKeyService
    uses: KeyUses
    records: KeyRecords

    @classmethod
    def of(cls, settings: Settings, store: KeyStore, clock: Clock) -> Self:
        """Put the parts together on a store."""
        ring, uses = ApiKeyCache(), KeyUses()
        access, book = access_of(settings, ring, clock), ApiKeyService(store, ring, clock)
        return cls(access, ring, book, uses, KeyRecords(ring, uses))


class KeyTopics:
    """Reads keys and uses, tells of uses. `on_start`: the topics are being read from the start."""

    def __init__(
        self,
        kafka: KafkaSettings,
        parts: KeyParts,
        publisher: Sender,
        on_start: Callable[[], None],
    ) -> None:
        self._records, self._on_start = parts.records, on_start
        self._reports = UseReports("api-gateway", parts.ring, publisher)
        topics = [KEYS.name, KEY_USES.name]
        self._reader = TableReader(kafka, topics, parts.records.on_records, self._began)
        self.caught_up = self._reader.caught_up
        parts.ring.complete_when(self.caught_up.is_set)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what has to run, by name."""
        return {"key_reader": self._reader.run, "key_uses": self._reports.run}

    def _began(self) -> None:
        self._records.forget()
        self._on_start()
