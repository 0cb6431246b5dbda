"""Alerts and their notifications as the alerts service has stored them: reads only."""

from typing import Any

from sqlalchemy import Row, text

from api_gateway.alerts.ports import (
    Alert,
    AlertQuery,
    HistoryLine,
    Notification,
    NotificationQuery,
)
from api_gateway.storage.rows import from_row
from common.storage.database import ReadSession

# An acknowledgement counts from its commit, though the alerts service has still to apply it.
_ALERT = """SELECT e.id, e.service_name, e.rule, e.severity, e.version, e.message, e.labels,
        e.annotations, e.started_at, e.updated_at, e.resolved_at, e.held_back, e.notices,
        e.channels,
        CASE WHEN a.id IS NULL THEN e.state ELSE 'acknowledged' END AS state,
        CASE WHEN a.id IS NULL THEN e.held_by END AS held_by,
        coalesce(a.actor, e.acknowledged_by) AS acknowledged_by,
        coalesce(a.created_at, e.acknowledged_at) AS acknowledged_at
    FROM alerts.episode e
    LEFT JOIN catalog.acknowledgements a ON a.episode_id = e.id AND a.version = e.version
        AND e.state = 'firing' AND a.revision > e.acknowledgement_revision"""

_ALERTS = text(
    f"""SELECT * FROM ({_ALERT}) AS alert
    WHERE id < :before
        AND (cardinality(CAST(:states AS text[])) = 0 OR state = ANY(CAST(:states AS text[])))
        AND (cardinality(CAST(:severities AS text[])) = 0
            OR severity = ANY(CAST(:severities AS text[])))
        AND (CAST(:service AS text) IS NULL OR service_name = :service)
        AND (CAST(:since AS timestamptz) IS NULL OR resolved_at IS NULL OR resolved_at >= :since)
    ORDER BY id DESC LIMIT :limit"""  # noqa: S608 - a constant
)
_ONE = text(f"{_ALERT} WHERE e.id = :id")
_HISTORY = text(
    """SELECT kind, version, at, actor, reason FROM alerts.transition
    WHERE episode_id = :id ORDER BY id"""
)
_NOTIFICATION = """SELECT id, channel, group_key, state, attempts, last_error, created_at,
        next_attempt_at, sent_at, payload FROM alerts.notification"""
_NOTIFICATIONS = text(
    f"""{_NOTIFICATION}
    WHERE id < :before AND NOT repeat
        AND (CAST(:state AS text) IS NULL OR state = :state)
        AND (CAST(:channel AS text) IS NULL OR channel = :channel)
        AND (CAST(:episode AS bigint) IS NULL
            OR episode_ids @> ARRAY[CAST(:episode AS bigint)])
    ORDER BY id DESC LIMIT :limit"""
)
_TRIAL = text(f"{_NOTIFICATION} WHERE notice_key LIKE 'trial/%/' || :command_id")

_SHOWN_OF_ALERT = (
    "episode_id",
    "version",
    "transition",
    "severity",
    "rule",
    "service_name",
    "message",
)


class AlertResults:
    """Reads of schema `alerts` in one session."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def alerts(self, query: AlertQuery) -> list[Alert]:
        """Return alerts, newest first."""
        asked = {
            "before": query.before,
            "limit": query.limit,
            "states": list(query.states),
            "severities": list(query.severities),
            "service": query.service_name,
            "since": query.since,
        }
        return [from_row(Alert, row) for row in await self._session.execute(_ALERTS, asked)]

    async def alert(self, alert_id: int) -> Alert | None:
        """Return one alert."""
        row = (await self._session.execute(_ONE, {"id": alert_id})).one_or_none()
        return None if row is None else from_row(Alert, row)

    async def history(self, alert_id: int) -> list[HistoryLine]:
        """Return an alert's transitions."""
        rows = await self._session.execute(_HISTORY, {"id": alert_id})
        return [from_row(HistoryLine, row) for row in rows]

    async def notifications(self, query: NotificationQuery) -> list[Notification]:
        """Return notifications, newest first; those that only repeat are left out."""
        asked = {
            "before": query.before,
            "limit": query.limit,
            "state": query.state,
            "channel": query.channel,
            "episode": query.episode_id,
        }
        rows = await self._session.execute(_NOTIFICATIONS, asked)
        return [_notification_of(row) for row in rows]

    async def trial(self, command_id: str) -> Notification | None:
        """Return the notification of a channel test."""
        row = (await self._session.execute(_TRIAL, {"command_id": command_id})).one_or_none()
        return None if row is None else _notification_of(row)


def _notification_of(row: Row[Any]) -> Notification:
    alerts = [{name: alert[name] for name in _SHOWN_OF_ALERT} for alert in row.payload["alerts"]]
    return from_row(Notification, row, alerts=alerts)
