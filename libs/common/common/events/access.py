"""API keys as every process that checks them knows them, and when they were last used."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from common.events.fields import Count, Instant

Scope = Literal["read", "ingest", "operate", "override", "admin"]
KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]


class KeySecret(Struct, frozen=True):
    """A secret that opens the key until `expires_at`; null: as long as the key is good."""

    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256 of the secret")]
    expires_at: Instant | None


class ApiKeyChanged(Struct, frozen=True, tag_field="type", tag="api_key_changed"):
    """An API key as it stands; the greater `revision` holds. It carries no secret.

    One that is revoked, or past `expires_at`, opens nothing. A report that it sends may count up
    to `max_count_per_report`; null: as many as ingest's own setting says.
    """

    revision: int
    id: KeyId
    name: str
    scopes: tuple[Scope, ...]
    secrets: tuple[KeySecret, ...]
    expires_at: Instant | None
    revoked: bool
    max_count_per_report: Count | None = None


class ApiKeyUsed(Struct, frozen=True, tag_field="type", tag="api_key_used"):
    """A process was sent a request with this key; sent at most once a minute, the latest holds."""

    id: KeyId
    used_at: Instant
    process: str
