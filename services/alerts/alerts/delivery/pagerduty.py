"""PagerDuty, Events API v2: triggers, acknowledges and resolves an incident by its key. Pure."""

import json
from http import HTTPStatus
from typing import Any, Literal

from alerts.delivery.bodies import (
    BodyContext,
    annotations_of,
    json_request,
    labels_of,
    rfc3339,
    summary_of,
)
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import Request, Response
from alerts.domain.notifications import Notification, NotificationAlert
from common.alerting.channels import PAGERDUTY_URL
from common.alerting.rules import Severity

MAX_DEDUP_KEY_LENGTH = 255
_MAX_SUMMARY_LENGTH = 1024
_SEVERITIES: dict[Severity, str] = {"page": "critical", "ticket": "warning", "info": "info"}
Action = Literal["trigger", "acknowledge", "resolve"]


def pagerduty_request(
    channel: Channel, notification: Notification, context: BodyContext
) -> Request:
    """Return the request. An event holds one alert; ValueError where the notification has more."""
    (alert,) = notification.alerts
    event = _event(channel.secrets["routing_key"], alert, context)
    return json_request(channel.secrets.get("url", PAGERDUTY_URL), event)


def pagerduty_accepts(response: Response) -> bool:
    """Whether PagerDuty has taken the event: it answers 202 with `"status": "success"`."""
    try:
        answer = json.loads(response.body)
    except ValueError:
        return False
    taken = isinstance(answer, dict) and answer.get("status") == "success"
    return response.status_code == HTTPStatus.ACCEPTED and taken


def _event(routing_key: str, alert: NotificationAlert, context: BodyContext) -> dict[str, Any]:
    """Return the event (PagerDuty developer documentation, `Send an alert event`)."""
    action = _action(alert)
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": alert.dedup_key[:MAX_DEDUP_KEY_LENGTH],
    }
    if action == "trigger":
        event |= {
            "client": "Burnline",
            "client_url": context.service_url(alert.service_name),
            "links": _links(alert),
            "payload": _payload(alert),
        }
    return event


def _action(alert: NotificationAlert) -> Action:
    if alert.ends_at is not None:
        return "resolve"
    return "acknowledge" if alert.transition == "acknowledged" else "trigger"


def _payload(alert: NotificationAlert) -> dict[str, Any]:
    return {
        "summary": summary_of(alert)[:_MAX_SUMMARY_LENGTH],
        "source": alert.service_name,
        "severity": _SEVERITIES[alert.severity],
        "timestamp": rfc3339(alert.started_at),
        "component": alert.service_name,
        "class": alert.rule,
        "custom_details": {**labels_of(alert), **annotations_of(alert)},
    }


def _links(alert: NotificationAlert) -> list[dict[str, str]]:
    url = alert.annotations.get("runbook_url")
    return [{"href": url, "text": "Runbook"}] if url else []
