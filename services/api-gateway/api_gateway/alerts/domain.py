"""Alerts, their notifications and their configuration as stored, and its events. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from common.events import (
    AlertAcknowledged,
    AlertChanged,
    ChannelChanged,
    RuleChanged,
    SilenceChanged,
)
from common.storage.audit_changes import FieldChange, field_changes

HIDDEN, ANOTHER = "(hidden)", "(hidden, another)"
"""What the audit shows of a secret that there was, and of the one in its place."""

SilenceState = Literal["pending", "active", "expired"]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Whether alerts are those of now, and until when they are known to have been: None: never."""

    status: Literal["ok", "lagging"]
    at: datetime | None


class Alert(AlertChanged, frozen=True, kw_only=True, tag=False):
    """An episode as it is shown, with an acknowledgement that is on its way."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Alerts with smaller ids than `before`; None or nothing: whatever it is."""

    before: int
    limit: int
    states: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    service_name: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A transition of an episode."""

    kind: str
    version: int
    at: datetime
    actor: str
    on_behalf_of: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A delivery to one channel, and how it went."""

    id: int
    channel: str
    group_key: str
    state: str
    attempts: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime
    sent_at: datetime | None
    alerts: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class NotificationQuery:
    """Notifications with smaller ids than `before`; None: of every state, channel or alert."""

    before: int
    limit: int
    state: str | None = None
    channel: str | None = None
    episode_id: int | None = None


class StoredRule(RuleChanged, frozen=True, kw_only=True, tag=False):
    """A rule that was set over the API; `retired` where it was deleted again."""

    created_at: datetime
    updated_at: datetime


class Silence(SilenceChanged, frozen=True, kw_only=True, tag=False):
    """Suppresses notifications of matching alerts from `starts_at` until `ends_at`."""

    created_at: datetime
    on_behalf_of: str | None
    expired_by: str | None
    expired_on_behalf_of: str | None

    def state(self, now: datetime) -> SilenceState:
        """Return the state of the silence at `now`."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"


class Channel(ChannelChanged, frozen=True, kw_only=True, tag=False):
    """Where notifications go. `secrets` are never shown: only which there are, and the host."""

    secrets: dict[str, str]
    created_at: datetime
    updated_at: datetime

    def __repr__(self) -> str:
        return f"Channel({self.id}, {self.name}, {self.kind})"


def channel_changes(old: Channel | None, new: Channel) -> list[FieldChange]:
    """Return what differs between a channel before and since; of a secret only that it does."""
    before = {} if old is None else {**_document(old), **old.secrets}
    after = {} if new.retired else {**_document(new), **new.secrets}
    secrets = {*(old.secrets if old else ()), *new.secrets}
    return [
        FieldChange(
            change.field,
            None if change.old is None else HIDDEN,
            None if change.new is None else ANOTHER,
        )
        if change.field in secrets
        else change
        for change in field_changes(before, after)
    ]


def _document(channel: Channel) -> dict[str, object]:
    return {"kind": channel.kind, "enabled": channel.enabled}


AlertConfig = StoredRule | Silence | Channel | AlertAcknowledged
AlertConfigEvent = RuleChanged | SilenceChanged | ChannelChanged | AlertAcknowledged


def key_of(config: AlertConfig) -> str:
    """Return the rules topic's key, which is also the subject of the audit."""
    match config:
        case StoredRule():
            return f"rule/{config.name}"
        case Silence():
            return f"silence/{config.id}"
        case Channel():
            return f"channel/{config.name}"
        case AlertAcknowledged():
            return f"acknowledgement/{config.episode_id}"


def event_of(config: AlertConfig) -> AlertConfigEvent:
    """Return the event of the present revision."""
    match config:
        case StoredRule():
            return msgspec.convert(config, RuleChanged, from_attributes=True)
        case Silence():
            return msgspec.convert(config, SilenceChanged, from_attributes=True)
        case Channel():
            return msgspec.convert(config, ChannelChanged, from_attributes=True)
        case AlertAcknowledged():
            return config
