"""Alerts, notifications and their configuration in PostgreSQL.

Episodes and notifications are the alerts service's own and are only read. Of rules, silences,
channels and acknowledgements a write, its event and its audit are one transaction.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from api_gateway.alerts.domain import (
    Alert,
    AlertConfig,
    AlertConfigEvent,
    AlertQuery,
    Channel,
    HistoryLine,
    Notification,
    NotificationQuery,
    Silence,
    StoredRule,
    event_of,
    key_of,
)
from api_gateway.alerts.silences import Silenceable, WatchedService
from api_gateway.storage.rows import from_row, table
from api_gateway.storage.unit_of_work import (
    NEXT_REVISION,
    TOUCHED,
    Reader,
    StateStore,
    StateWriter,
)
from common.alerting.default_rules import default_rules
from common.alerting.silences import Matcher
from common.events import AlertAcknowledged
from common.kafka.topics import RULES

alert_rules = table(StoredRule, "alert_rules", document=JSONB())
silences = table(Silence, "silences", matchers=JSONB())
channels = table(Channel, "channels", secrets=JSONB())

_ACKNOWLEDGE = text(
    """INSERT INTO catalog.acknowledgements (episode_id, version, actor, on_behalf_of, comment)
    VALUES (:episode_id, :version, :actor, :on_behalf_of, :comment)
    RETURNING *, created_at AS acknowledged_at, CAST(:service_name AS text) AS service_name"""
)
# of an episode only the newest matters, and of one that has ended none
_ACKNOWLEDGEMENTS = text(
    """SELECT DISTINCT ON (a.episode_id) a.*, a.created_at AS acknowledged_at, e.service_name
    FROM catalog.acknowledgements a JOIN alerts.episode e ON e.id = a.episode_id
    WHERE e.resolved_at IS NULL ORDER BY a.episode_id, a.revision DESC"""
)

# An acknowledgement counts from its commit, though the alerts service has still to apply it.
_ACKNOWLEDGED = frozenset(
    {"state", "held_by", "acknowledged_by", "acknowledged_on_behalf_of", "acknowledged_at"}
)
_AS_STORED = ", ".join(f"e.{f}" for f in Alert.__struct_fields__ if f not in _ACKNOWLEDGED)
_ALERT = f"""SELECT {_AS_STORED},
        CASE WHEN a.id IS NULL THEN e.state ELSE 'acknowledged' END AS state,
        CASE WHEN a.id IS NULL THEN e.held_by END AS held_by,
        coalesce(a.actor, e.acknowledged_by) AS acknowledged_by,
        CASE WHEN a.id IS NULL THEN e.acknowledged_on_behalf_of
            ELSE a.on_behalf_of END AS acknowledged_on_behalf_of,
        coalesce(a.created_at, e.acknowledged_at) AS acknowledged_at
    FROM alerts.episode e
    LEFT JOIN catalog.acknowledgements a ON a.episode_id = e.id AND a.version = e.version
        AND e.state = 'firing' AND a.revision > e.acknowledgement_revision"""  # noqa: S608 - a constant

_ALERTS = text(
    f"""SELECT * FROM ({_ALERT}) AS alert
    WHERE id < :before
        AND (cardinality(CAST(:states AS text[])) = 0 OR state = ANY(CAST(:states AS text[])))
        AND (cardinality(CAST(:severities AS text[])) = 0
            OR severity = ANY(CAST(:severities AS text[])))
        AND (CAST(:service_name AS text) IS NULL OR service_name = :service_name)
        AND (CAST(:since AS timestamptz) IS NULL OR resolved_at IS NULL OR resolved_at >= :since)
    ORDER BY id DESC LIMIT :limit"""  # noqa: S608 - a constant
)
_ONE = text(f"{_ALERT} WHERE e.id = :id")
_HISTORY = text(
    """SELECT kind, version, at, actor, on_behalf_of, reason FROM alerts.transition
    WHERE episode_id = :id ORDER BY id"""
)
_NOTIFICATION = """SELECT id, channel, group_key, state, attempts, last_error, created_at,
        next_attempt_at, sent_at, payload FROM alerts.notification"""
_NOTIFICATIONS = text(
    f"""{_NOTIFICATION}
    WHERE id < :before AND NOT repeat
        AND (CAST(:state AS text) IS NULL OR state = :state)
        AND (CAST(:channel AS text) IS NULL OR channel = :channel)
        AND (CAST(:episode_id AS bigint) IS NULL
            OR episode_ids @> ARRAY[CAST(:episode_id AS bigint)])
    ORDER BY id DESC LIMIT :limit"""
)
_OPEN_LABELS = text("SELECT labels FROM alerts.episode WHERE resolved_at IS NULL")
_WATCHED = text(
    """SELECT s.name, s.tier, s.owner, array_remove(array_agg(t.name), NULL) AS slos
    FROM catalog.services s
    LEFT JOIN catalog.slo_targets t ON t.service_id = s.id AND t.retired_at IS NULL
    WHERE s.retired_at IS NULL GROUP BY s.id"""
)
_CHANNEL_TEST = text(f"{_NOTIFICATION} WHERE notice_key LIKE 'trial/%/' || :command_id")

_SHOWN_OF_ALERT = (
    "episode_id",
    "version",
    "transition",
    "severity",
    "rule",
    "service_name",
    "message",
)


_CONFIRMED = text("SELECT min(updated_at) AS at FROM alerts.shard")


class AlertReader(Reader):
    """Reads alerts, notifications, rules, silences and channels."""

    async def alerts(self, query: AlertQuery) -> list[Alert]:
        """Return alerts, newest first."""
        return await self._all(Alert, _ALERTS, asdict(query))

    async def confirmed_at(self) -> datetime | None:
        """Return the alerts service's newest sign of life, of the shard that is furthest behind."""
        found: datetime | None = (await self._session.execute(_CONFIRMED)).scalar_one()
        return found

    async def alert(self, alert_id: int) -> Alert | None:
        """Return one alert."""
        return await self._one(Alert, _ONE, {"id": alert_id})

    async def history(self, alert_id: int) -> list[HistoryLine]:
        """Return an alert's transitions, oldest first."""
        return await self._all(HistoryLine, _HISTORY, {"id": alert_id})

    async def notifications(self, query: NotificationQuery) -> list[Notification]:
        """Return notifications, newest first; those that only repeat are left out."""
        rows = await self._session.execute(_NOTIFICATIONS, asdict(query))
        return [_notification_of(row) for row in rows]

    async def channel_test(self, command_id: str) -> Notification | None:
        """Return the notification that a channel test has made."""
        rows = await self._session.execute(_CHANNEL_TEST, {"command_id": command_id})
        row = rows.one_or_none()
        return None if row is None else _notification_of(row)

    async def rules(self) -> list[StoredRule]:
        """Return the rules that were set and not deleted, by name."""
        statement = select(alert_rules).where(alert_rules.c.retired_at.is_(None))
        return await self._all(StoredRule, statement.order_by(alert_rules.c.name.collate("C")))

    async def silences(self, before: int, limit: int) -> list[Silence]:
        """Return up to `limit` silences with smaller ids than `before`, newest first."""
        statement = select(silences).where(silences.c.id < before)
        return await self._all(Silence, statement.order_by(silences.c.id.desc()).limit(limit))

    async def silence(self, silence_id: int) -> Silence | None:
        """Return one silence."""
        return await self._one(Silence, select(silences).where(silences.c.id == silence_id))

    async def silenceable(self) -> Silenceable:
        """Return all that there is to be silenced."""
        labels = list(await self._session.scalars(_OPEN_LABELS))
        names = {*default_rules(), *(rule.name for rule in await self.rules())}
        return Silenceable(labels, await self._all(WatchedService, _WATCHED), names)

    async def channels(self) -> list[Channel]:
        """Return the channels in use, by name."""
        statement = select(channels).where(channels.c.retired_at.is_(None))
        return await self._all(Channel, statement.order_by(channels.c.name.collate("C")))


class AlertWriter(StateWriter[AlertConfig], AlertReader):
    """Writes and announces rules, silences, channels and acknowledgements."""

    topic = RULES.name

    async def put_rule(self, name: str, document: dict[str, Any]) -> None:
        """Store a rule."""
        statement = (
            update(alert_rules)
            .where(alert_rules.c.name == name, alert_rules.c.retired_at.is_(None))
            .values(document=document, **TOUCHED)
        )
        if not await self._changed(StoredRule, statement, alert_rules):
            added = insert(alert_rules).values(name=name, document=document)
            await self._changed(StoredRule, added, alert_rules)

    async def retire_rule(self, name: str) -> None:
        """Delete a rule."""
        statement = (
            update(alert_rules)
            .where(alert_rules.c.name == name, alert_rules.c.retired_at.is_(None))
            .values(retired_at=func.now(), **TOUCHED)
        )
        await self._changed(StoredRule, statement, alert_rules)

    async def add_silence(
        self, matchers: Sequence[Matcher], span: tuple[datetime, datetime], **texts: str
    ) -> Silence:
        """Store a silence for a span of time; the texts are columns."""
        values = {
            "matchers": msgspec.to_builtins(list(matchers)),
            "starts_at": span[0],
            "ends_at": span[1],
            **texts,
        }
        [added] = await self._changed(Silence, insert(silences).values(values), silences)
        return added

    async def expire_silence(
        self, silence_id: int, by: str, on_behalf_of: str | None, now: datetime
    ) -> Silence:
        """End a silence now; one that has not begun never begins."""
        statement = (
            update(silences)
            .where(silences.c.id == silence_id)
            .values(
                starts_at=func.least(silences.c.starts_at, now),
                ends_at=now,
                expired_by=by,
                expired_on_behalf_of=on_behalf_of,
                revision=NEXT_REVISION,
            )
        )
        [ended] = await self._changed(Silence, statement, silences)
        return ended

    async def add_channel(self, name: str, kind: str, secrets: dict[str, str]) -> Channel:
        """Store a channel."""
        statement = insert(channels).values(name=name, kind=kind, secrets=secrets, enabled=True)
        [added] = await self._changed(Channel, statement, channels)
        return added

    async def change_channel(self, channel_id: int, **columns: Any) -> Channel:
        """Store other values in these columns."""
        statement = update(channels).where(channels.c.id == channel_id).values(**columns, **TOUCHED)
        [changed] = await self._changed(Channel, statement, channels)
        return changed

    async def acknowledge(
        self, alert: Alert, actor: str, on_behalf_of: str, comment: str
    ) -> AlertAcknowledged:
        """Store that somebody acknowledges this version of an alert."""
        values = {
            "episode_id": alert.id,
            "service_name": alert.service_name,
            "version": alert.version,
            "actor": actor,
            "on_behalf_of": on_behalf_of,
            "comment": comment,
        }
        [added] = await self._all(AlertAcknowledged, _ACKNOWLEDGE, values)
        await self.announce([added])
        return added

    async def topic_state(self, now: datetime) -> list[AlertConfig]:
        """Return the newest revisions of rules and channels, and what is not over of the others."""
        rules = await self._all(StoredRule, select(alert_rules).order_by(alert_rules.c.revision))
        known = await self._all(Channel, select(channels).order_by(channels.c.revision))
        return [
            *{rule.name: rule for rule in rules}.values(),
            *{channel.name: channel for channel in known}.values(),
            *await self._all(Silence, select(silences).where(silences.c.ends_at > now)),
            *await self._all(AlertAcknowledged, _ACKNOWLEDGEMENTS),
        ]

    def event(self, entry: AlertConfig) -> tuple[str, AlertConfigEvent]:
        """Return the key and the event of an entry."""
        return key_of(entry), event_of(entry)


class AlertStore(StateStore[AlertReader, AlertWriter]):
    """Opens readers and writers of alerts and their configuration."""

    reader, writer = AlertReader, AlertWriter


def _notification_of(row: Row[Any]) -> Notification:
    alerts = [{name: alert[name] for name in _SHOWN_OF_ALERT} for alert in row.payload["alerts"]]
    return from_row(Notification, row, alerts=alerts)
