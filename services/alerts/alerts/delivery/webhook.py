"""Generic webhook: Alertmanager's webhook format, version 4, optionally signed. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from alerts.delivery.bodies import JSON_HEADERS, BodyContext, annotations_of, labels_of, rfc3339
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import Request
from alerts.domain.notifications import Notification, NotificationAlert

KEY_HEADER = "X-Burnline-Notice"
"""The notification's key, the same in every repeat of a delivery."""
TIMESTAMP_HEADER = "X-Burnline-Timestamp"
SIGNATURE_HEADER = "X-Burnline-Signature"
_NOT_ENDED = "0001-01-01T00:00:00Z"  # Go's zero time: how Alertmanager writes an alert's open end


def webhook_request(channel: Channel, notification: Notification, context: BodyContext) -> Request:
    """Return the request; the signature covers the timestamp and the body."""
    body = json.dumps(_body(notification, context), separators=(",", ":")).encode()
    headers = {**JSON_HEADERS, KEY_HEADER: notification.notice_key}
    secret = channel.secrets.get("signing_secret")
    if secret is not None:
        timestamp = str(int(context.now.timestamp()))
        headers[TIMESTAMP_HEADER] = timestamp
        headers[SIGNATURE_HEADER] = signature(secret, timestamp, body)
    return Request(channel.secrets["url"], body, headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return `sha256=` and the HMAC-SHA256 of `timestamp.body` in hex.

    A receiver compares it in constant time and refuses old timestamps.
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def _body(notification: Notification, context: BodyContext) -> dict[str, Any]:
    """Return the body (Prometheus Alertmanager documentation, `webhook_config`, version 4)."""
    return {
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": 0,
        "status": notification.status,
        "receiver": notification.channel,
        "groupLabels": notification.group_labels,
        "commonLabels": _common(labels_of(alert) for alert in notification.alerts),
        "commonAnnotations": _common(annotations_of(alert) for alert in notification.alerts),
        "externalURL": context.external_url,
        "alerts": [_alert(alert, context) for alert in notification.alerts],
    }


def _alert(alert: NotificationAlert, context: BodyContext) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": labels_of(alert),
        "annotations": annotations_of(alert),
        "startsAt": rfc3339(alert.started_at),
        "endsAt": _NOT_ENDED if alert.ends_at is None else rfc3339(alert.ends_at),
        "generatorURL": context.service_url(alert.service_name),
        "fingerprint": alert.dedup_key,
    }


def _common(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the pairs that all of the mappings have."""
    first, *others = mappings
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
