"""Prometheus Alertmanager, API v2: gets an alert at once and again until it is resolved. Pure."""

from datetime import timedelta
from typing import Any

from alerts.delivery.bodies import BodyContext, annotations_of, json_request, labels_of, rfc3339
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import Request
from alerts.domain.notifications import Notification, NotificationAlert

_PATH = "/api/v2/alerts"
_MISSED_REPEATS = 4  # as Prometheus: so many may fail before Alertmanager takes the alert for ended


def alertmanager_request(
    channel: Channel, notification: Notification, context: BodyContext
) -> Request:
    """Return the request that posts all alerts of the notification."""
    url = channel.secrets["url"].rstrip("/")
    url = url if url.endswith(_PATH) else url + _PATH
    return json_request(url, [_alert(alert, context) for alert in notification.alerts])


def _alert(alert: NotificationAlert, context: BodyContext) -> dict[str, Any]:
    """Return a `postableAlert` of Alertmanager's OpenAPI document.

    A firing alert ends by itself some time after the last repeat, so that it does not fire for
    ever once its sender is gone.
    """
    open_end = context.now + timedelta(seconds=_MISSED_REPEATS * context.repeat_seconds)
    return {
        "labels": labels_of(alert),
        "annotations": annotations_of(alert),
        "startsAt": rfc3339(alert.started_at),
        "endsAt": rfc3339(alert.ends_at or open_end),
        "generatorURL": context.service_url(alert.service_name),
    }
