"""Slack, incoming webhook: a message for people. Slack drops no repeats."""

import json
from http import HTTPStatus
from typing import Any

from alerts.delivery.channel import Channel
from alerts.delivery.frame import Frame
from alerts.delivery.outcome import Outcome, Request, Response, not_understood
from alerts.delivery.plain_text import lines, title
from alerts.domain.notifications import Notification

_MAX_TEXT_LENGTH = 3000  # of a text in a block


def slack_request(channel: Channel, notification: Notification, frame: Frame) -> Request:
    """Return the request."""
    body = json.dumps(slack_message(notification, frame)).encode()
    return Request(channel.secrets["url"], body, {"Content-Type": "application/json"})


def slack_message(notification: Notification, frame: Frame) -> dict[str, Any]:
    """Return the message: `text` for notifications, blocks for the channel."""
    heading = _escaped(title(notification))
    body = "\n".join(_escaped(line) for line in lines(notification))
    return {
        "text": heading,
        "blocks": [
            _section(f"*{heading}*"),
            _section(body),
            _section(" | ".join(_links(notification, frame))),
        ],
    }


def judge_slack(response: Response, outcome: Outcome) -> Outcome:
    """Return the outcome; a success is answered with `ok`."""
    taken = response.status_code == HTTPStatus.OK and response.body.strip() == b"ok"
    return outcome if taken or not outcome.delivered else not_understood(response)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_MAX_TEXT_LENGTH]}}


def _links(notification: Notification, frame: Frame) -> list[str]:
    services = list(dict.fromkeys(alert.service_name for alert in notification.alerts))
    links = [f"<{frame.service_url(name)}|{_escaped(name)}>" for name in services[:5]]
    urls = dict.fromkeys(alert.annotations.get("runbook_url") for alert in notification.alerts)
    return links + [f"<{_escaped(url)}|Runbook>" for url in list(urls)[:5] if url]


def _escaped(text: str) -> str:
    """Return the text with Slack's three control characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
