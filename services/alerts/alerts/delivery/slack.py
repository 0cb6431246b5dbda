"""Slack, incoming webhook: a message for people. Slack drops no repeats. Pure."""

from http import HTTPStatus
from typing import Any

from alerts.delivery.bodies import BodyContext, json_request, lines, title
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import Request, Response
from alerts.domain.notifications import Notification
from common.strangers import slack_code

_MAX_TEXT_LENGTH = 3000  # of a text in a block


def slack_request(channel: Channel, notification: Notification, context: BodyContext) -> Request:
    """Return the request."""
    return json_request(channel.secrets["url"], slack_message(notification, context))


def slack_message(notification: Notification, context: BodyContext) -> dict[str, Any]:
    """Return the message: `text` for notifications, blocks for the channel."""
    heading = slack_code(title(notification))
    # as code, in which a name is neither bold nor a link
    body = "\n".join(slack_code(line) for line in lines(notification))
    links = _links(notification, context)
    while len(" | ".join(links)) > _MAX_TEXT_LENGTH:
        links.pop()
    code = f"```{body[: _MAX_TEXT_LENGTH - len('``````')]}```"
    texts = (f"*{heading}*", code, " | ".join(links))
    return {"text": heading, "blocks": [_section(text) for text in texts]}


def slack_accepts(response: Response) -> bool:
    """Whether Slack has taken the message: it answers `ok`."""
    return response.status_code == HTTPStatus.OK and response.body.strip() == b"ok"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _links(notification: Notification, context: BodyContext) -> list[str]:
    services = list(dict.fromkeys(alert.service_name for alert in notification.alerts))
    links = [f"<{context.service_url(name)}|{slack_code(name)}>" for name in services[:5]]
    urls = dict.fromkeys(alert.annotations.get("runbook_url") for alert in notification.alerts)
    return links + [f"<{_address(url)}|Runbook>" for url in list(urls)[:5] if url]


def _address(url: str) -> str:
    return slack_code(url).replace("|", "%7C")
