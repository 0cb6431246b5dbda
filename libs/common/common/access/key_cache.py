"""Follow the API keys from their topic, check presented ones, and report their use.

The same records in any order end the same: of each key the greatest revision holds.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from common.access.keys import PresentedKey, is_secret_of
from common.access.principal import KEY, Principal
from common.config.settings import KafkaSettings
from common.events import AccessMessage, ApiKeyChanged, ApiKeyUsed, encode
from common.http.problems import Problem
from common.kafka.client import Record, Sender, TableReader, UnknownOutcomeError
from common.kafka.topics import KEY_USES, KEYS
from common.kafka.unreadable import each_readable
from common.runtime.loops import every

CHALLENGE = {"WWW-Authenticate": "Bearer"}
REPORT_SECONDS = 5.0
BETWEEN_REPORTS = timedelta(minutes=1)  # of one key


def unauthorized(detail: str, code: str = "unauthorized") -> Problem:
    """Return the problem of a credential that opens nothing."""
    return Problem(401, code, detail, headers=CHALLENGE)


class ApiKeyCache:
    """Cache keys by id; complete unless its reader has not reached the end of the topic yet."""

    def __init__(self) -> None:
        self._is_complete: Callable[[], bool] = lambda: True
        self._was_complete = False
        self._keys: dict[str, ApiKeyChanged] = {}
        self._used_at: dict[str, datetime] = {}

    @property
    def has_keys(self) -> bool:
        """Whether there is any key, or could be one that has not been read yet."""
        return bool(self._keys) or not self.complete

    def complete_when(self, is_complete: Callable[[], bool]) -> None:
        """Set how to know that all keys have been read for the first time."""
        self._is_complete = is_complete

    @property
    def complete(self) -> bool:
        """Whether a key that is not known here does not exist."""
        self._was_complete = self._was_complete or self._is_complete()
        return self._was_complete

    def apply(self, key: ApiKeyChanged) -> None:
        """Keep a key if it is newer than the cached one."""
        old = self._keys.get(key.id)
        if old is None or old.revision < key.revision:
            self._keys[key.id] = key

    def principal(self, presented: PresentedKey, now: datetime) -> Principal:
        """Return whose key it is.

        Raises Problem: 401 where the key is wrong, revoked or expired (only the holder of the
        right secret learns which); 503 while the topic is not read to its end.
        """
        key = self._keys.get(presented.id)
        if key is None and not self.complete:
            detail = "The API keys have not all been read yet; send the request again in a moment."
            raise Problem(503, "keys_not_read", detail, headers={"Retry-After": "2"})
        right = [s for s in key.secrets if is_secret_of(presented.secret, s.hash)] if key else []
        if key is None or key.revoked or not right:
            raise unauthorized("The API key is wrong, or was revoked.")
        if all(known.expires_at is not None and known.expires_at <= now for known in right):
            detail = f"This secret of the API key {key.id} was replaced by a newer one."
            raise unauthorized(detail, "key_expired")
        if key.expires_at is not None and key.expires_at <= now:
            detail = f"The API key {key.id} has expired; ask for a new one."
            raise unauthorized(detail, "key_expired")
        self._used_at[key.id] = now
        return Principal(
            f"{KEY}/{key.id}", frozenset(key.scopes), key.max_count_per_report, key.name
        )

    def take_uses(self) -> dict[str, datetime]:
        """Return when each key was used since the last call."""
        uses, self._used_at = self._used_at, {}
        return uses


class KeyUses:
    """Track when each key was last used, as all processes report it."""

    def __init__(self) -> None:
        self._used_at: dict[str, datetime] = {}

    def apply(self, use: ApiKeyUsed) -> None:
        """Keep a use if it is the latest of its key."""
        self._used_at[use.id] = max(use.used_at, self._used_at.get(use.id, use.used_at))

    def last_used_at(self, key_id: str) -> datetime | None:
        """Return the latest use; None where there is none yet."""
        return self._used_at.get(key_id)


class KeyRecords:
    """Apply records of the topics to cache and uses; track which revisions they hold."""

    def __init__(self, cache: ApiKeyCache, uses: KeyUses) -> None:
        self._cache, self._uses = cache, uses
        self._announced: dict[str, int] = {}

    async def on_records(self, records: Sequence[Record]) -> None:
        """Apply records of one partition, in order. No record can stop the reading."""
        each_readable(records, self._apply)

    def forget(self) -> None:
        """Begin again: the topics are being read from their start."""
        self._announced.clear()

    def announced(self, key: ApiKeyChanged) -> bool:
        """Return whether the topic holds this revision of the key, or a newer one."""
        return self._announced.get(key.id, 0) >= key.revision

    def _apply(self, message: AccessMessage) -> None:
        if isinstance(message, ApiKeyUsed):
            self._uses.apply(message)
            return
        self._cache.apply(message)
        self._announced[message.id] = max(message.revision, self._announced.get(message.id, 0))


@dataclass(frozen=True, slots=True)
class KeyReader:
    """A cache that follows the keys topic, for processes without a database."""

    cache: ApiKeyCache
    run: Callable[[], Coroutine[Any, Any, None]]
    """Follows the topic for ever; cancel to stop."""

    @classmethod
    def of(cls, kafka: KafkaSettings) -> Self:
        """Return a reader of the whole topic, in which each key stands once."""
        cache = ApiKeyCache()
        table = TableReader(kafka, [KEYS.name], KeyRecords(cache, KeyUses()).on_records)
        cache.complete_when(table.caught_up.is_set)
        return cls(cache, table.run)


class UseReports:
    """Report when keys were used: in the background, each key at most once a minute."""

    def __init__(self, process: str, cache: ApiKeyCache, publisher: Sender) -> None:
        self._process, self._cache, self._publisher = process, cache, publisher
        self._reported: dict[str, datetime] = {}
        self._pending: dict[str, datetime] = {}

    async def run(self) -> None:
        """Report for ever; cancel to stop."""
        await every(REPORT_SECONDS, "key_uses", self.report)

    async def report(self) -> None:
        """Publish the latest uses of keys that were not reported within the last minute."""
        self._pending |= self._cache.take_uses()
        due = {key: at for key, at in self._pending.items() if self._is_due(key, at)}
        if not due:
            return
        uses = [ApiKeyUsed(key, at, self._process) for key, at in due.items()]
        try:
            await self._publisher.send_all(
                [(KEY_USES.name, encode(u), u.id.encode(), None, ()) for u in uses]
            )
        except UnknownOutcomeError:
            return  # the topic keeps the latest use only: it goes out with the next report
        self._reported |= due
        self._pending = {k: at for k, at in self._pending.items() if due.get(k) != at}

    def _is_due(self, key_id: str, at: datetime) -> bool:
        reported = self._reported.get(key_id)
        return reported is None or at - reported >= BETWEEN_REPORTS
