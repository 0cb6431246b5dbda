"""API keys over HTTP: what a request may say, what an answer says."""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from api_gateway.api_keys.domain import ApiKey, KeyState
from api_gateway.api_keys.service import IssuedKey
from api_gateway.http.types import (
    LINE_PATTERN,
    NUMBER,
    WHOLE,
    Answer,
    Instant,
    Request,
    one_name,
)
from common.access.scopes import SCOPES
from common.events import COUNT_LIMIT, Scope

MOST_DAYS = 3650
MOST_OVERLAP_HOURS = 720
DEFAULT_DAYS = 365
DEFAULT_OVERLAP_HOURS = 24

KeyName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=63, pattern=LINE_PATTERN),
    AfterValidator(one_name),
]
Days = Annotated[
    Decimal,
    Field(gt=0, le=MOST_DAYS),
    NUMBER,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": MOST_DAYS}),
]
MaxCount = Annotated[int, Field(ge=1, lt=COUNT_LIMIT), WHOLE]
OverlapHours = Annotated[
    Decimal,
    Field(ge=0, le=MOST_OVERLAP_HOURS),
    NUMBER,
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MOST_OVERLAP_HOURS}),
]


class NewKey(Request):
    """A key to be created."""

    name: KeyName = Field(description="Whose it is, or what for", examples=["checkout pipeline"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))]
    expires_in_days: Days | None = Field(
        Decimal(DEFAULT_DAYS),
        json_schema_extra={"default": DEFAULT_DAYS},
        description="null: it does not expire by itself",
    )
    max_count_per_report: MaxCount | None = Field(
        None,
        description="How much one report that it sends may count; null: as ingest's own setting "
        "says (INGEST_MAX_COUNT_PER_REPORT)",
    )

    def ordered_scopes(self) -> tuple[Scope, ...]:
        """Return each scope once, in the order of the table."""
        return tuple(scope for scope in SCOPES if scope in self.scopes)

    def lifetime(self) -> timedelta | None:
        """Return how long it is good for."""
        return _lifetime(self.expires_in_days)


class Rotation(Request):
    """Another secret for a key."""

    overlap_hours: OverlapHours = Field(
        Decimal(DEFAULT_OVERLAP_HOURS),
        json_schema_extra={"default": DEFAULT_OVERLAP_HOURS},
        description="How long the present secret opens beside the new one",
    )
    expires_in_days: Days | None = Field(
        None, description="How long the key is good from now; null: as it was"
    )

    def overlap(self) -> timedelta:
        """Return how long both secrets open."""
        return timedelta(hours=float(self.overlap_hours))

    def lifetime(self) -> timedelta | None:
        """Return how long the key is good, where that is to change."""
        return _lifetime(self.expires_in_days)


class SecretAnswer(Answer):
    """A secret of a key, of which nothing is shown but its times."""

    created_at: Instant
    expires_at: Instant | None = Field(description="null: it opens as long as the key is good")


class KeyAnswer(Answer):
    """An API key, without its secrets."""

    id: str
    name: str
    scopes: list[Scope]
    state: KeyState
    created_by: str
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    revoked_by: str | None
    max_count_per_report: int | None = Field(
        description="How much one report may count; null: as ingest's own setting says"
    )
    last_used_at: Instant | None = Field(description="Noted at most once a minute")
    secrets: list[SecretAnswer] = Field(description="Two while a key is being rotated")

    @classmethod
    def of(cls, key: ApiKey, last_used_at: datetime | None, now: datetime) -> Self:
        """Return the answer for a key."""
        return cls.model_validate(_fields(key, last_used_at, now))


class MadeKeyAnswer(KeyAnswer):
    """An API key with the text that opens it, which is never shown again."""

    key: str = Field(description="To be sent as `Authorization: Bearer <key>`")

    @classmethod
    def issued(cls, issued: IssuedKey, last_used_at: datetime | None, now: datetime) -> Self:
        """Return the answer for a key that was created or rotated just now."""
        return cls.model_validate({**_fields(issued.key, last_used_at, now), "key": issued.text})


def _fields(key: ApiKey, last_used_at: datetime | None, now: datetime) -> dict[str, object]:
    return {
        **asdict(key),
        "state": key.state(now),
        "last_used_at": last_used_at,
        "secrets": [
            SecretAnswer(created_at=s.created_at, expires_at=s.expires_at)
            for s in key.secrets
            if s.expires_at is None or s.expires_at > now
        ],
    }


def _lifetime(days: Decimal | None) -> timedelta | None:
    return None if days is None else timedelta(days=float(days))
