"""Alerts, their notifications and their configuration as stored, and its events. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from common.alerting.rules import AlertState, HeldBy, Severity
from common.alerting.silences import Matcher
from common.events import (
    AlertAcknowledged,
    AlertFigures,
    ChannelChanged,
    RuleChanged,
    SilenceChanged,
)

SilenceState = Literal["pending", "active", "expired"]


@dataclass(frozen=True, slots=True)
class Alert:
    """An episode as it is shown, with an acknowledgement that is on its way."""

    id: int
    service_name: str
    rule: str
    severity: Severity
    state: AlertState
    version: int
    message: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    held_by: HeldBy | None
    held_back: int
    notices: int
    channels: tuple[str, ...]
    slo: str | None
    figures_at_firing: AlertFigures | None


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
    """Suppresses notifications of matching alerts from `starts_at` until `ends_at`."""

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
        """Return the state of the silence at `now`."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications go. `secrets` are never shown: only which there are, and the host."""

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
    """Somebody acknowledged an episode, as it was at `version`."""

    episode_id: int
    service_name: str
    version: int
    actor: str
    comment: str
    revision: int
    created_at: datetime


AlertConfig = StoredRule | Silence | Channel | Acknowledgement
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
        case Acknowledgement():
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
        case Acknowledgement():
            return AlertAcknowledged(
                revision=config.revision,
                episode_id=config.episode_id,
                service_name=config.service_name,
                version=config.version,
                actor=config.actor,
                comment=config.comment,
                acknowledged_at=config.created_at,
            )
