"""Notifications as the deciding part of the alerts service would write them."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from alerts.delivery.channel import Channel
from alerts.domain.notifications import Notification, NotificationAlert

STARTED_AT: Final = datetime(2026, 11, 23, 6, 40, 0, 250_000, tzinfo=UTC)
ENDED_AT: Final = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)


def alert(number: int = 1, **fields: Any) -> NotificationAlert:
    """Return an alert on `checkout`; its key is made of its number."""
    service_name = fields.pop("service_name", "checkout")
    given: dict[str, Any] = {
        "dedup_key": f"{number:032x}",
        "episode_id": number,
        "version": 1,
        "sequence": 1,
        "transition": "firing",
        "severity": "page",
        "rule": "fast-burn",
        "service_name": service_name,
        "message": "the budget of 30 days is gone in 2 hours",
        "labels": {"alertname": "fast-burn", "service": service_name, "slo": "availability"},
        "annotations": {"runbook_url": "https://runbooks.test/fast-burn"},
        "started_at": STARTED_AT,
    }
    return NotificationAlert(**(given | fields))


def resolved(number: int = 1, **fields: Any) -> NotificationAlert:
    """Return the end of an alert."""
    return alert(number, transition="resolved", version=2, sequence=2, ends_at=ENDED_AT, **fields)


def notification(*alerts: NotificationAlert, channel: str = "hook", **fields: Any) -> Notification:
    """Return a notification of these alerts, or of one."""
    alerts = alerts or (alert(),)
    key = "+".join(f"{a.dedup_key}/{a.sequence}" for a in alerts)
    given: dict[str, Any] = {
        "notice_key": f"{key}/{channel}",
        "channel": channel,
        "group_key": '{}:{service="checkout"}',
        "group_labels": {"service": "checkout"},
        "alerts": alerts,
    }
    return Notification(**(given | fields))


def channel(kind: str = "webhook", name: str = "hook", **secrets: str) -> Channel:
    """Return a channel that has these secrets."""
    return Channel(name, kind, secrets)


def payload(given: Notification) -> str:
    """Return the notification as its row holds it."""
    return msgspec.json.encode(given).decode()
