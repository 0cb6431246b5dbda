"""What users want of alerts, as it is stored, and the events that tell of it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from common.alerting.silences import Matcher
from common.events import AlertAcknowledged, ChannelChanged, RuleChanged, SilenceChanged

SilenceState = Literal["pending", "active", "expired"]


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule that was set over the API; `retired` where it was deleted again."""

    name: str
    document: dict[str, Any]
    revision: int
    created_at: datetime
    updated_at: datetime
    retired: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """What nobody is to be told of from `starts_at` until `ends_at`."""

    id: int
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    revision: int
    created_at: datetime
    expired_by: str | None

    def state(self, now: datetime) -> SilenceState:
        """Return how it stands now."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go. `secrets` are never shown: only which there are, and the host."""

    id: int
    name: str
    kind: str
    secrets: dict[str, str]
    enabled: bool
    revision: int
    created_at: datetime
    updated_at: datetime
    retired: bool

    def __repr__(self) -> str:
        return f"Channel({self.id}, {self.name}, {self.kind})"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody took on an episode, as it was at `version`."""

    episode_id: int
    service_name: str
    version: int
    actor: str
    comment: str
    revision: int
    created_at: datetime


AlertIntent = StoredRule | Silence | Channel | Acknowledgement
AlertIntentEvent = RuleChanged | SilenceChanged | ChannelChanged | AlertAcknowledged


def key_of(intent: AlertIntent) -> str:
    """Return the rules topic's key, which is also the subject of the audit."""
    match intent:
        case StoredRule():
            return f"rule/{intent.name}"
        case Silence():
            return f"silence/{intent.id}"
        case Channel():
            return f"channel/{intent.name}"
        case Acknowledgement():
            return f"acknowledgement/{intent.episode_id}"


def event_of(intent: AlertIntent) -> AlertIntentEvent:
    """Return the event of the present revision."""
    match intent:
        case StoredRule():
            return msgspec.convert(intent, RuleChanged, from_attributes=True)
        case Silence():
            return msgspec.convert(intent, SilenceChanged, from_attributes=True)
        case Channel():
            return msgspec.convert(intent, ChannelChanged, from_attributes=True)
        case Acknowledgement():
            return AlertAcknowledged(
                revision=intent.revision,
                episode_id=intent.episode_id,
                service_name=intent.service_name,
                version=intent.version,
                actor=intent.actor,
                comment=intent.comment,
                acknowledged_at=intent.created_at,
            )
