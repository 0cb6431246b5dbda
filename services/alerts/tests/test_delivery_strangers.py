"""What strangers wrote changes nothing of the notification that carries it, of any kind."""

import importlib
import json
import re
import unicodedata
from typing import Any

import pytest

from alerts.delivery.apprise import deliver_by_apprise
from alerts.delivery.bodies import BodyContext
from alerts.delivery.sender import HTTP_KINDS
from alerts.delivery.slack import slack_message
from alerts.domain.notifications import Notification
from tests.support.alerts.outgoing import alert, channel, notification
from tests.support.burn_events import NOW
from tests.support.hostile import hostile

CONTEXT = BodyContext(NOW, "https://burnline.test/", repeat_seconds=60)
SECRETS = {"url": "https://hooks.test/x", "routing_key": "0123456789abcdef0123456789abcdef"}


def notified(text: str) -> Notification:
    return notification(
        alert(
            message=f"burns its budget ({text}; threshold 14.4)",
            labels={"alertname": "fast-burn", "team": text},
            annotations={"description": text, "slo": text, "runbook_url": "https://r.test/a"},
        )
    )


def strings(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [text for value in document.values() for text in strings(value)]
    if isinstance(document, list):
        return [text for value in document for text in strings(value)]
    return [document] if isinstance(document, str) else []


@hostile
@pytest.mark.parametrize("kind", [*HTTP_KINDS])
def test_no_body_controls_a_screen_or_turns_the_order_of_reading(kind: str, text: str) -> None:
    request = HTTP_KINDS[kind].request(channel(kind, **SECRETS), notified(text), CONTEXT)
    body = json.loads(request.body)
    for value in strings(body):
        shown = value.replace("\n", "")
        assert not [c for c in shown if unicodedata.category(c)[0] == "C"], value


@hostile
def test_slack_shows_it_as_code_that_calls_nobody(text: str) -> None:
    message = slack_message(notified(text), CONTEXT)
    heading, body, links = (block["text"]["text"] for block in message["blocks"])
    assert heading == "*[FIRING] checkout*"
    assert body.startswith("```")
    assert body.endswith("```")
    assert not set("`<>\n") & set(body[3:-3])
    assert re.findall(r"<([^|]*)", links) == [
        "https://burnline.test/services/checkout",
        "https://r.test/a",
    ]


@hostile
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("chosen", "form"), [("", "text"), ("&format=html", "html")])
async def test_mail_shows_it_as_text(
    text: str, chosen: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apprise sends mail as HTML, as it stands, unless it is said that the text is none."""
    plugin = importlib.import_module("apprise.plugins.email.base").NotifyEmail
    sent: dict[str, Any] = {}

    def send(_: object, **given: Any) -> bool:
        sent.update(given)
        return True

    monkeypatch.setattr(plugin, "send", send)
    mail = channel("apprise", url=f"mailto://u:p@mail.test?to=a@b.test{chosen}")
    outcome = await deliver_by_apprise(mail, notified(text), ["mailto"])
    assert outcome.delivered
    assert sent["body_format"] == form
    assert "@" not in sent["title"] + sent["body"]
    if form == "html":
        assert set(re.findall(r"<[^>]*>", sent["body"])) <= {"<br/>"}
