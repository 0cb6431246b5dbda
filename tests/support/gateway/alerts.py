"""Alerts and what is wanted of them in memory, for a gateway without servers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from api_gateway.alerts.domain import Acknowledgement, AlertIntent, Channel, Silence, StoredRule
from api_gateway.alerts.ports import (
    Alert,
    AlertQuery,
    HistoryLine,
    Notification,
    NotificationQuery,
)
from common.alerting.silences import Matcher
from common.storage.audit import AuditEvent
from tests.support.burn_events import NOW
from tests.support.gateway.in_memory import MemoryStore
from tests.support.gateway.memory_store import Memory


@dataclass
class AlertRows:
    """The store's content. `outcome` is what the next channel test finds."""

    alerts: dict[int, Alert] = field(default_factory=dict)
    history: dict[int, list[HistoryLine]] = field(default_factory=dict)
    notifications: list[Notification] = field(default_factory=list)
    rules: dict[str, StoredRule] = field(default_factory=dict)
    silences: dict[int, Silence] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    acknowledgements: dict[int, Acknowledgement] = field(default_factory=dict)
    deeds: list[AuditEvent] = field(default_factory=list)
    announced: list[AlertIntent] = field(default_factory=list)
    outcome: Notification | None = None
    revision: int = 0


class MemoryAlerts(Memory["AlertRows", "MemoryAlertSession"]):
    """Alerts and what users want of them; fails whenever the catalog's store does."""

    def __init__(self, catalog: MemoryStore) -> None:
        super().__init__(AlertRows(), MemoryAlertSession, catalog.outage)
        self.rows.channels[1] = Channel(
            1, "simulated", "simulated", {}, enabled=True, revision=1, created_at=NOW,
            updated_at=NOW, retired=False,
        )  # fmt: skip


class MemoryAlertSession:
    """Reads and writes rows."""

    def __init__(self, rows: AlertRows) -> None:
        self._rows = rows

    async def alerts(self, query: AlertQuery) -> list[Alert]:
        found = [
            alert
            for alert in map(self._shown, self._rows.alerts.values())
            if alert.id < query.before
            and (not query.states or alert.state in query.states)
            and (not query.severities or alert.severity in query.severities)
            and query.service_name in {None, alert.service_name}
            and not (query.since and alert.resolved_at and alert.resolved_at < query.since)
        ]
        return sorted(found, key=lambda a: -a.id)[: query.limit]

    async def alert(self, alert_id: int) -> Alert | None:
        alert = self._rows.alerts.get(alert_id)
        return None if alert is None else self._shown(alert)

    async def history(self, alert_id: int) -> list[HistoryLine]:
        return self._rows.history.get(alert_id, [])

    async def notifications(self, query: NotificationQuery) -> list[Notification]:
        found = [
            n
            for n in reversed(self._rows.notifications)
            if n.id < query.before
            and query.state in {None, n.state}
            and query.channel in {None, n.channel}
            and query.episode_id in {None, *(a["episode_id"] for a in n.alerts)}
        ]
        return found[: query.limit]

    async def trial(self, command_id: str) -> Notification | None:
        del command_id
        return self._rows.outcome

    async def rules(self) -> list[StoredRule]:
        found = (rule for rule in self._rows.rules.values() if not rule.retired)
        return sorted(found, key=lambda r: r.name)

    async def silences(self, before: int, limit: int) -> list[Silence]:
        found = (s for s in self._rows.silences.values() if s.id < before)
        return sorted(found, key=lambda s: -s.id)[:limit]

    async def silence(self, silence_id: int) -> Silence | None:
        return self._rows.silences.get(silence_id)

    async def channels(self) -> list[Channel]:
        found = (c for c in self._rows.channels.values() if not c.retired)
        return sorted(found, key=lambda c: c.name)

    async def wanted(self, now: datetime) -> list[AlertIntent]:
        quiet = [s for s in self._rows.silences.values() if s.ends_at > now]
        rows = self._rows
        taken = rows.acknowledgements.values()
        return [*rows.rules.values(), *rows.channels.values(), *quiet, *taken]

    async def put_rule(self, name: str, document: dict[str, Any]) -> None:
        rule = StoredRule(name, document, self._next(), NOW, NOW, retired=False)
        self._rows.rules[name] = rule
        await self.announce([rule])

    async def retire_rule(self, name: str) -> None:
        gone = replace(self._rows.rules[name], revision=self._next(), retired=True)
        self._rows.rules[name] = gone
        await self.announce([gone])

    async def add_silence(
        self, matchers: Sequence[Matcher], span: tuple[datetime, datetime], by: str, comment: str
    ) -> Silence:
        number = len(self._rows.silences) + 1
        made = Silence(number, tuple(matchers), *span, by, comment, self._next(), NOW, None)
        self._rows.silences[number] = made
        await self.announce([made])
        return made

    async def expire_silence(self, silence_id: int, by: str, now: datetime) -> Silence:
        old = self._rows.silences[silence_id]
        starts_at = min(old.starts_at, now)
        ended = replace(old, starts_at=starts_at, ends_at=now, expired_by=by, revision=self._next())
        self._rows.silences[silence_id] = ended
        await self.announce([ended])
        return ended

    async def add_channel(self, name: str, kind: str, secrets: dict[str, str]) -> Channel:
        number = len(self._rows.channels) + 1
        made = Channel(
            number, name, kind, secrets, enabled=True, revision=self._next(), created_at=NOW,
            updated_at=NOW, retired=False,
        )  # fmt: skip
        self._rows.channels[number] = made
        await self.announce([made])
        return made

    async def change_channel(self, channel_id: int, **columns: Any) -> Channel:
        retired = columns.pop("retired_at", None) is not None
        old = self._rows.channels[channel_id]
        changed = replace(old, **columns, retired=retired, revision=self._next())
        self._rows.channels[channel_id] = changed
        await self.announce([changed])
        return changed

    async def acknowledge(self, alert: Alert, actor: str, comment: str) -> Acknowledgement:
        made = Acknowledgement(
            alert.id, alert.service_name, alert.version, actor, comment, self._next(), NOW
        )
        self._rows.acknowledgements[alert.id] = made
        await self.announce([made])
        return made

    async def announce(self, intents: Sequence[AlertIntent]) -> None:
        self._rows.announced += intents

    async def record(self, deed: AuditEvent) -> None:
        self._rows.deeds.append(deed)

    def _shown(self, alert: Alert) -> Alert:
        wish = self._rows.acknowledgements.get(alert.id)
        if wish is None or wish.version != alert.version or alert.state != "firing":
            return alert
        return replace(
            alert,
            state="acknowledged",
            acknowledged_by=wish.actor,
            acknowledged_at=wish.created_at,
            held_by=None,
        )

    def _next(self) -> int:
        self._rows.revision += 1
        return self._rows.revision


def alert(number: int, **fields: Any) -> Alert:
    """Return a page of checkout, but for what the fields say."""
    given: dict[str, Any] = {
        "service_name": "checkout",
        "rule": "burn-rate-page",
        "severity": "page",
        "state": "firing",
        "version": 1,
        "message": "checkout burns its error budget",
        "labels": {"service": "checkout"},
        "annotations": {},
        "started_at": NOW,
        "updated_at": NOW,
        "resolved_at": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "held_by": None,
        "held_back": 0,
        "notices": 1,
        "channels": ("simulated",),
        **fields,
    }
    return Alert(id=number, **given)


def notification(number: int, **fields: Any) -> Notification:
    """Return a delivery of alert 1 to the simulated channel, but for what the fields say."""
    told = {
        "episode_id": 1, "version": 1, "transition": "firing", "severity": "page",
        "rule": "burn-rate-page", "service_name": "checkout", "message": "it burns",
    }  # fmt: skip
    given: dict[str, Any] = {
        "channel": "simulated",
        "group_key": "checkout",
        "state": "sent",
        "attempts": 1,
        "last_error": None,
        "created_at": NOW,
        "next_attempt_at": NOW,
        "sent_at": NOW,
        "alerts": (told,),
        **fields,
    }
    return Notification(id=number, **given)
