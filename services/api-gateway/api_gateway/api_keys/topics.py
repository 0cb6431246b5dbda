"""Keeps the API keys of this process in step with those of other processes."""

from collections.abc import Awaitable, Callable

from common.access.key_cache import ApiKeyCache, KeyRecords, UseReports
from common.config.settings import KafkaSettings
from common.kafka.client import Sender, TableReader
from common.kafka.topics import KEY_USES, KEYS


class KeyTopics:
    """Reads keys and uses, reports uses. `on_start`: the topics are being read from the start."""

    def __init__(
        self,
        kafka: KafkaSettings,
        records: KeyRecords,
        known: ApiKeyCache,
        publisher: Sender,
        on_start: Callable[[], None],
    ) -> None:
        self._records, self._on_start = records, on_start
        self._reports = UseReports("api-gateway", known, publisher)
        topics = [KEYS.name, KEY_USES.name]
        self._reader = TableReader(kafka, topics, records.on_records, self._began)
        self.caught_up, self.failing = self._reader.caught_up, self._reader.failing
        known.complete_when(self.caught_up.is_set)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return what has to run, by name."""
        return {"key_reader": self._reader.run, "key_uses": self._reports.run}

    def _began(self) -> None:
        self._records.forget()
        self._on_start()
