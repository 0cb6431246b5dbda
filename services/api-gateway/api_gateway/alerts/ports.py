"""What alerts, their rules, silences and channels need of a store."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from api_gateway.alerts.domain import Acknowledgement, AlertIntent, Channel, Silence, StoredRule
from common.alerting.rules import AlertState, HeldBy, Severity
from common.alerting.silences import Matcher
from common.storage.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class Alert:
    """An episode as it is shown: with an acknowledgement that is on its way."""

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


class AlertReader(Protocol):
    """Reads alerts and what is wanted of them."""

    async def alerts(self, query: AlertQuery) -> list[Alert]:
        """Return alerts, newest first."""
        ...

    async def alert(self, alert_id: int) -> Alert | None:
        """Return one alert."""
        ...

    async def history(self, alert_id: int) -> list[HistoryLine]:
        """Return an alert's transitions, oldest first."""
        ...

    async def notifications(self, query: NotificationQuery) -> list[Notification]:
        """Return notifications, newest first."""
        ...

    async def trial(self, command_id: str) -> Notification | None:
        """Return the notification that a channel test has made."""
        ...

    async def rules(self) -> list[StoredRule]:
        """Return the rules that were set and not deleted, by name."""
        ...

    async def silences(self, before: int, limit: int) -> list[Silence]:
        """Return silences with smaller ids than `before`, newest first."""
        ...

    async def silence(self, silence_id: int) -> Silence | None:
        """Return one silence."""
        ...

    async def channels(self) -> list[Channel]:
        """Return the channels in use, by name."""
        ...

    async def wanted(self, now: datetime) -> list[AlertIntent]:
        """Return all that has to stand on the rules topic."""
        ...


class AlertWriter(AlertReader, Protocol):
    """Writes, one writer at a time, each change with its event."""

    async def put_rule(self, name: str, document: dict[str, Any]) -> None:
        """Store a rule and announce it."""
        ...

    async def retire_rule(self, name: str) -> None:
        """Delete a rule and announce it."""
        ...

    async def add_silence(
        self, matchers: Sequence[Matcher], span: tuple[datetime, datetime], by: str, comment: str
    ) -> Silence:
        """Store a silence for a span of time and announce it."""
        ...

    async def expire_silence(self, silence_id: int, by: str, now: datetime) -> Silence:
        """End a silence now and announce it."""
        ...

    async def add_channel(self, name: str, kind: str, secrets: dict[str, str]) -> Channel:
        """Store a channel and announce it."""
        ...

    async def change_channel(self, channel_id: int, **columns: Any) -> Channel:
        """Store other values in these columns and announce the channel."""
        ...

    async def acknowledge(self, alert: Alert, actor: str, comment: str) -> Acknowledgement:
        """Store that somebody takes on this version of an alert, and announce it."""
        ...

    async def announce(self, intents: Sequence[AlertIntent]) -> None:
        """Put the present revisions into the outbox, where they are not yet."""
        ...

    async def record(self, deed: AuditEvent) -> None:
        """Append to the audit."""
        ...


class AlertStore(Protocol):
    """Opens readers and writers."""

    def read(self) -> AbstractAsyncContextManager[AlertReader]:
        """Give a reader of one moment."""
        ...

    def write(self) -> AbstractAsyncContextManager[AlertWriter]:
        """Give a writer; what it did is kept, with its events, when the block ends well."""
        ...
