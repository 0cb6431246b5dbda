"""Prometheus Alertmanager, API v2: told of an alert at once and again until it is resolved."""

import json
from datetime import timedelta
from typing import Any

from alerts.delivery.channel import Channel
from alerts.delivery.frame import Frame, annotations_of, rfc3339
from alerts.delivery.outcome import Request
from alerts.domain.notifications import Notification, NotificationAlert

_PATH = "/api/v2/alerts"
_MISSED_REPEATS = 4  # as Prometheus: so many may fail before Alertmanager takes the alert for ended


def alertmanager_request(channel: Channel, notification: Notification, frame: Frame) -> Request:
    """Return the request that posts all alerts of the notification."""
    url = channel.secrets["url"].rstrip("/")
    url = url if url.endswith(_PATH) else url + _PATH
    body = [alertmanager_alert(alert, frame) for alert in notification.alerts]
    return Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})


def alertmanager_alert(alert: NotificationAlert, frame: Frame) -> dict[str, Any]:
    """Return a `postableAlert` of Alertmanager's OpenAPI document.

    A firing alert ends by itself some time after the last repeat, so that one whose sender is
    gone does not fire for ever.
    """
    open_end = frame.now + timedelta(seconds=_MISSED_REPEATS * frame.repeat_seconds)
    return {
        "labels": alert.labels,
        "annotations": annotations_of(alert),
        "startsAt": rfc3339(alert.started_at),
        "endsAt": rfc3339(alert.ends_at or open_end),
        "generatorURL": frame.service_url(alert.service_name),
    }
