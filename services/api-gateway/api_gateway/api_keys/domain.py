"""API keys as they are stored, and their events. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.access.keys import MOST_SECRETS
from common.events import ApiKeyChanged, KeySecret, Scope

KeyState = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What is kept of a secret. `expires_at` None: it opens as long as the key is good."""

    hash: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key as it is requested."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    secrets: tuple[StoredSecret, ...]
    max_count_per_report: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(NewApiKey):
    """A stored key."""

    revoked_at: datetime | None
    revoked_by: str | None
    revision: int

    def state(self, now: datetime) -> KeyState:
        """Return the state of the key at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        expired = self.expires_at is not None and self.expires_at <= now
        return "expired" if expired else "active"


def rotated(key: ApiKey, secret_hash: str, now: datetime, overlap: timedelta) -> ApiKey:
    """Return the key with a new secret; the one before it opens for the overlap, older ones not."""
    former = key.secrets[-1]
    end = now + overlap if former.expires_at is None else min(former.expires_at, now + overlap)
    newest = StoredSecret(secret_hash, now, None)
    known = (*key.secrets[:-1], replace(former, expires_at=end), newest)
    return replace(key, secrets=known[-MOST_SECRETS:])


def key_subject(key_id: str) -> str:
    """Return how the audit names a key, as a subject and as a credential."""
    return f"key/{key_id}"


def key_changed(key: ApiKey) -> ApiKeyChanged:
    """Return the event of the key's present revision; that of a revoked one has no hash."""
    revoked = key.revoked_at is not None
    return ApiKeyChanged(
        revision=key.revision,
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        secrets=() if revoked else tuple(KeySecret(s.hash, s.expires_at) for s in key.secrets),
        expires_at=key.expires_at,
        revoked=revoked,
        max_count_per_report=key.max_count_per_report,
    )
