"""API keys and their uses as they come from Kafka. No record can stop the reading."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from common.access.key_ring import ApiKeyCache
from common.events import ApiKeyChanged, ApiKeyUsed
from common.kafka.client import Record
from common.kafka.topics import KEY_USES, KEYS
from common.kafka.unreadable import skip_unreadable

_keys = msgspec.json.Decoder(ApiKeyChanged)
_uses = msgspec.json.Decoder(ApiKeyUsed)


class KeyUses:
    """When each key was last used, as the processes that were sent it have told."""

    def __init__(self) -> None:
        self._used_at: dict[str, datetime] = {}

    def apply(self, use: ApiKeyUsed) -> None:
        """Keep a use if it is the latest of its key."""
        self._used_at[use.id] = max(use.used_at, self._used_at.get(use.id, use.used_at))

    def last_used_at(self, key_id: str) -> datetime | None:
        """Return the latest use; None where there is none yet."""
        return self._used_at.get(key_id)


class KeyRecords:
    """Feeds a ring and the uses from the topics; knows which revisions stand there."""

    def __init__(self, ring: ApiKeyCache, uses: KeyUses) -> None:
        self._ring, self._uses = ring, uses
        self._announced: dict[str, int] = {}

    async def on_records(self, records: Sequence[Record]) -> None:
        """Apply records of one partition, in order."""
        for record in records:
            with skip_unreadable(record):
                self._on_record(record)

    def forget(self) -> None:
        """Begin again: the topics are being read from their start."""
        self._announced.clear()

    def announced(self, key: ApiKeyChanged) -> bool:
        """Tell whether the topic holds this revision of the key, or a newer one."""
        return self._announced.get(key.id, 0) >= key.revision

    def _on_record(self, record: Record) -> None:
        if record.value is None:
            return
        if record.topic == KEYS.name:
            key = _keys.decode(record.value)
            self._ring.apply(key)
            self._announced[key.id] = max(key.revision, self._announced.get(key.id, 0))
        elif record.topic == KEY_USES.name:
            self._uses.apply(_uses.decode(record.value))
