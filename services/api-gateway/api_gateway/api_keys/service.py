"""Operations on API keys: each is one transaction, with its event and its audit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from api_gateway.api_keys.domain import (
    ApiKey,
    NewApiKey,
    StoredSecret,
    key_changed,
    key_subject,
    rotated,
)
from api_gateway.api_keys.repository import ApiKeyReader, ApiKeyStore
from api_gateway.http.problems import existing, invalid
from common.access.key_cache import ApiKeyCache
from common.access.keys import new_key_id, new_secret, secret_hash, written
from common.access.principal import current_actor
from common.config.clock import Clock
from common.events import Scope
from common.http.problems import Problem
from common.runtime.loops import every
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes

MOST_KEYS = 500
"""In use at a time: every process that checks keys holds them all."""


FOLLOW_SECONDS = 2.0
"""How long a key that was revoked elsewhere may open this gateway, if the database answers."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with the text that opens it, which is known at this moment only."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        return f"IssuedKey({self.key.id})"


class ApiKeyService:
    """API keys. What is done here holds in this process when the call returns."""

    def __init__(self, store: ApiKeyStore, known: ApiKeyCache, clock: Clock) -> None:
        self._store, self._known, self._clock = store, known, clock
        self._read_revision = 0

    async def follow(self) -> None:
        """Learn from the database what other gateways have changed, whether or not Kafka is there.

        Cancel to stop.
        """
        await every(FOLLOW_SECONDS, "keys_in_database", self.read_changed)

    async def read_changed(self) -> None:
        """Apply the keys that were made, rotated or revoked since this was last done."""
        async with self._store.read() as reader:
            changed = await reader.changed_since(self._read_revision)
        for key in changed:
            self._known.apply(key_changed(key))
            self._read_revision = key.revision

    async def all(self) -> list[ApiKey]:
        """Return the keys that were not revoked, by name."""
        async with self._store.read() as reader:
            return await reader.keys()

    async def one(self, key_id: str) -> ApiKey:
        """Return a key, also a revoked one; 404."""
        async with self._store.read() as reader:
            return await _existing(reader, key_id)

    async def create(
        self,
        name: str,
        scopes: tuple[Scope, ...],
        lifetime: timedelta | None,
        max_count_per_report: int | None = None,
    ) -> IssuedKey:
        """Create a key; 409 where the name is in use or there are too many."""
        now, key_id, secret = self._clock(), new_key_id(), new_secret()
        async with self._store.write() as writer:
            _check_limit(await writer.keys(), name)
            key = await writer.add_key(
                NewApiKey(
                    id=key_id,
                    name=name,
                    scopes=scopes,
                    created_by=current_actor(),
                    created_at=now,
                    expires_at=None if lifetime is None else now + lifetime,
                    secrets=(StoredSecret(secret_hash(secret), now, None),),
                    max_count_per_report=max_count_per_report,
                )
            )
            await writer.record(_audit_event("key.created", None, key, now, _described(key)))
        return self._issued(key, secret)

    async def rotate(
        self, key_id: str, overlap: timedelta, lifetime: timedelta | None
    ) -> IssuedKey:
        """Give a key another secret; the present one opens until the overlap is over. 404, 409.

        With a lifetime the key itself lives so long from now; without, its end stays.
        """
        now, secret = self._clock(), new_secret()
        async with self._store.write() as writer:
            old = await _existing(writer, key_id)
            if old.revoked_at is not None:
                detail = f"The key {key_id} was revoked; create another."
                raise Problem(409, "key_revoked", detail)
            columns: dict[str, Any] = {
                "secrets": rotated(old, secret_hash(secret), now, overlap).secrets
            }
            if lifetime is not None:
                columns["expires_at"] = now + lifetime
            key = await writer.change_key(key_id, **columns)
            details = {**_described(key), "overlap_hours": overlap / timedelta(hours=1)}
            await writer.record(_audit_event("key.rotated", old, key, now, details))
        return self._issued(key, secret)

    async def revoke(self, key_id: str) -> None:
        """Revoke a key for good; 404. To revoke it again changes nothing."""
        now = self._clock()
        async with self._store.write() as writer:
            old = await _existing(writer, key_id)
            if old.revoked_at is not None:
                return
            key = await writer.change_key(
                key_id, revoked_at=now, revoked_by=current_actor(), secrets=()
            )
            await writer.record(_audit_event("key.revoked", old, key, now, {"name": key.name}))
        self._known.apply(key_changed(key))

    def _issued(self, key: ApiKey, secret: str) -> IssuedKey:
        self._known.apply(key_changed(key))
        return IssuedKey(key, written(key.id, secret))


async def _existing(reader: ApiKeyReader, key_id: str) -> ApiKey:
    detail = f"There is no API key {key_id}; GET /api/keys lists those there are."
    return existing(await reader.key(key_id), "unknown_key", detail)


def _check_limit(keys: list[ApiKey], name: str) -> None:
    for key in keys:
        if key.name == name:
            detail = f"the key {key.id} has this name; revoke that one or choose another"
            raise invalid("name", "duplicate_key", detail, 409)
    if len(keys) >= MOST_KEYS:
        detail = f"there are {MOST_KEYS} keys, which is the most; revoke one first"
        raise invalid("name", "too_many_keys", detail, 409)


def _described(key: ApiKey) -> dict[str, Any]:
    expires_at = None if key.expires_at is None else key.expires_at.isoformat()
    return {
        "name": key.name,
        "scopes": [*key.scopes],
        "expires_at": expires_at,
        "max_count_per_report": key.max_count_per_report,
    }


def _document(key: ApiKey) -> dict[str, Any]:
    """Return what the audit shows of a key: of its secrets no more than when each ends."""
    ends = [None if s.expires_at is None else s.expires_at.isoformat() for s in key.secrets]
    return {**_described(key), "revoked": key.revoked_at is not None, "secrets_expire_at": ends}


def _audit_event(
    action: str, old: ApiKey | None, new: ApiKey, now: datetime, details: dict[str, Any]
) -> AuditEvent:
    changes = field_changes(_document(old) if old else None, _document(new))
    return AuditEvent(now, action, key_subject(new.id), None, details, changes)
