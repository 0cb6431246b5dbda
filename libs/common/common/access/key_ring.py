"""The API keys that a process knows, and the verdict on one that was presented.

The same records in any order end the same: of each key the greatest revision holds.
"""

from collections.abc import Callable
from datetime import datetime

from common.access.keys import PresentedKey, is_secret_of
from common.access.principal import Principal
from common.events import ApiKeyChanged
from common.http.problems import Problem

CHALLENGE = {"WWW-Authenticate": "Bearer"}


def unauthorized(detail: str, code: str = "unauthorized") -> Problem:
    """Return the problem of a credential that opens nothing."""
    return Problem(401, code, detail, headers=CHALLENGE)


class ApiKeyCache:
    """Keys by id; complete unless it is filled by a reader that has not come to the end yet."""

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
        """Be told how to know that all keys have been read for the first time."""
        self._is_complete = is_complete

    @property
    def complete(self) -> bool:
        """Whether a key that is not known here does not exist."""
        self._was_complete = self._was_complete or self._is_complete()
        return self._was_complete

    def apply(self, key: ApiKeyChanged) -> None:
        """Keep a key if it is newer than what is at hand."""
        old = self._keys.get(key.id)
        if old is None or old.revision < key.revision:
            self._keys[key.id] = key

    def principal(self, presented: PresentedKey, now: datetime) -> Principal:
        """Return whose key it is.

        Raises Problem: 401 where it is wrong, or good no more, which only the owner of the right
        secret is told; 503 while the keys are not read to their end.
        """
        key = self._keys.get(presented.id)
        if key is None and not self.complete:
            detail = "The API keys have not all been read yet; send the request again in a moment."
            raise Problem(503, "keys_not_read", detail, headers={"Retry-After": "2"})
        if key is None or key.revoked:
            raise unauthorized("The API key is wrong, or was revoked.")
        self._check_secret(key, presented.secret, now)
        if key.expires_at is not None and key.expires_at <= now:
            detail = f"The API key {key.id} has expired; ask for a new one."
            raise unauthorized(detail, "key_expired")
        self._used_at[key.id] = now
        return Principal(f"key/{key.id}", frozenset(key.scopes))

    def take_uses(self) -> dict[str, datetime]:
        """Return when each key was used since this was last asked."""
        uses, self._used_at = self._used_at, {}
        return uses

    @staticmethod
    def _check_secret(key: ApiKeyChanged, secret: str, now: datetime) -> None:
        right = [known for known in key.secrets if is_secret_of(secret, known.hash)]
        if not right:
            raise unauthorized("The API key is wrong, or was revoked.")
        if all(known.expires_at is not None and known.expires_at <= now for known in right):
            detail = f"This secret of the API key {key.id} was replaced by a newer one."
            raise unauthorized(detail, "key_expired")
