"""What the bodies of all kinds of channel share. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from alerts.delivery.outcome import Request
from alerts.domain.notifications import Notification, NotificationAlert
from common.config import clock
from common.strangers import one_line, several_lines

JSON_HEADERS = {"Content-Type": "application/json"}
MOST_ALERTS = 20
"""More are counted, not listed: chats cut off long messages."""

_MAX_LINE_LENGTH = 140


@dataclass(frozen=True, slots=True)
class BodyContext:
    """What a body depends on besides the notification: when it is sent, where links lead."""

    now: datetime
    external_url: str
    repeat_seconds: float

    def service_url(self, service_name: str) -> str:
        """Return the address of a service's page in the dashboard."""
        return f"{self.external_url.rstrip('/')}/services/{quote(service_name)}"


def json_request(url: str, document: Any) -> Request:
    """Return the request that posts a document."""
    return Request(url, json.dumps(document).encode(), JSON_HEADERS)


def rfc3339(instant: datetime) -> str:
    """Return the instant in UTC with milliseconds, as Alertmanager writes it."""
    return clock.rfc3339(instant, precision="milliseconds")


def summary_of(alert: NotificationAlert) -> str:
    """Return the message of an alert on one line; never nothing, which receivers refuse."""
    return one_line(alert.message) or alert.rule


def labels_of(alert: NotificationAlert) -> dict[str, str]:
    """Return the labels of an alert: what strangers wrote in them on one line."""
    return {name: one_line(value) for name, value in alert.labels.items()}


def annotations_of(alert: NotificationAlert) -> dict[str, str]:
    """Return the annotations of an alert, with what distinguishes repeats and escalations."""
    return {
        "summary": summary_of(alert),
        **{name: several_lines(value) for name, value in alert.annotations.items()},
        "severity": alert.severity,
        "transition": alert.transition,
        "version": str(alert.version),
        "notice": str(alert.sequence),
        "dedup_key": alert.dedup_key,
    }


def title(notification: Notification) -> str:
    """Return one line for people: what happens, to how many, where."""
    transitions = {alert.transition for alert in notification.alerts}
    happened = transitions.pop() if len(transitions) == 1 else notification.status
    group = one_line(", ".join(notification.group_labels.values()))
    count = f" ({len(notification.alerts)})" if len(notification.alerts) > 1 else ""
    return f"[{happened.upper()}]{count} {group}".rstrip()


def lines(notification: Notification) -> list[str]:
    """Return a line for each alert, for the first ones where there are many."""
    listed = [_line(alert) for alert in notification.alerts[:MOST_ALERTS]]
    more = len(notification.alerts) - len(listed)
    return [*listed, f"and {more} more"] if more > 0 else listed


def _line(alert: NotificationAlert) -> str:
    text = f"{alert.severity} {alert.service_name} {alert.rule}: {summary_of(alert)}"
    return text if len(text) <= _MAX_LINE_LENGTH else f"{text[: _MAX_LINE_LENGTH - 1]}…"
