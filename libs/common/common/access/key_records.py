"""API keys and their uses as they come from Kafka. No record can stop the reading."""

from collections.abc import Sequence
from datetime import datetime

from common.access.key_ring import ApiKeyCache
from common.events import AccessMessage, ApiKeyChanged, ApiKeyUsed
from common.kafka.client import Record
from common.kafka.unreadable import each_readable


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
        each_readable(records, self._apply)

    def forget(self) -> None:
        """Begin again: the topics are being read from their start."""
        self._announced.clear()

    def announced(self, key: ApiKeyChanged) -> bool:
        """Tell whether the topic holds this revision of the key, or a newer one."""
        return self._announced.get(key.id, 0) >= key.revision

    def _apply(self, message: AccessMessage) -> None:
        if isinstance(message, ApiKeyUsed):
            self._uses.apply(message)
            return
        self._ring.apply(message)
        self._announced[message.id] = max(message.revision, self._announced.get(message.id, 0))
