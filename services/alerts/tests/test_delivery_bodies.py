"""What each kind of channel is sent, against the schemas that receivers publish."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from alerts.delivery.alertmanager import alertmanager_request
from alerts.delivery.bodies import MOST_ALERTS, BodyContext, title
from alerts.delivery.pagerduty import pagerduty_request
from alerts.delivery.sender import HTTP_KINDS
from alerts.delivery.slack import slack_message
from alerts.delivery.webhook import KEY_HEADER, webhook_request
from alerts.domain.notifications import Notification, NotificationAlert, channel_test
from common.alerting.channels import CHANNEL_KINDS, PAGERDUTY_URL
from tests.support.alerts.outgoing import (
    ENDED_AT,
    STARTED_AT,
    alert,
    channel,
    notification,
    resolved,
)
from tests.support.servers.effort import examples

SCHEMAS = Path(__file__).parent / "schemas"
NOW = datetime(2026, 11, 23, 6, 41, tzinfo=UTC)
CONTEXT = BodyContext(NOW, "https://burnline.test/", repeat_seconds=60)
HOOK = channel(url="https://hooks.test/x")
PAGER = channel("pagerduty", "pager", routing_key="0123456789abcdef0123456789abcdef")


def check(schema: str, body: Any) -> None:
    validator(schema).validate(body)


@cache
def validator(schema: str) -> Draft202012Validator:
    document = json.loads((SCHEMAS / f"{schema}.json").read_text())
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


texts = st.text(max_size=40)
pairs = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), texts, max_size=4)


@st.composite
def alerts(draw: st.DrawFn) -> NotificationAlert:
    number = draw(st.integers(1, 99))
    make: Callable[..., NotificationAlert] = draw(st.sampled_from([alert, resolved]))
    labels = {**draw(pairs), "alertname": "x"}
    message = draw(st.text(min_size=1, max_size=3000))
    severity = draw(st.sampled_from(["page", "ticket", "info"]))
    return make(number, labels=labels, annotations=draw(pairs), message=message, severity=severity)


@st.composite
def notifications(draw: st.DrawFn) -> Notification:
    return notification(*draw(st.lists(alerts(), min_size=1, max_size=5)), group_labels=draw(pairs))


@settings(max_examples=examples(40))
@given(notifications())
def test_every_webhook_body_is_alertmanagers(given_notification: Notification) -> None:
    body = json.loads(webhook_request(HOOK, given_notification, CONTEXT).body)
    check("alertmanager_webhook_v4", body)
    for one in body["alerts"]:
        assert body["commonLabels"].items() <= one["labels"].items()
        assert body["commonAnnotations"].items() <= one["annotations"].items()
    assert (body["status"] == "firing") == any(a["status"] == "firing" for a in body["alerts"])


@settings(max_examples=examples(40))
@given(notifications())
def test_every_alertmanager_body_is_postable(given_notification: Notification) -> None:
    request = alertmanager_request(HOOK, given_notification, CONTEXT)
    check("alertmanager_postable_alerts", json.loads(request.body))


@settings(max_examples=examples(40))
@given(alerts(), st.sampled_from(["firing", "escalated", "reminded", "acknowledged", "test"]))
def test_every_pagerduty_event_is_valid(one: NotificationAlert, transition: Any) -> None:
    one = alert(one.episode_id, message=one.message, transition=transition, ends_at=one.ends_at)
    check(
        "pagerduty_event_v2", json.loads(pagerduty_request(PAGER, notification(one), CONTEXT).body)
    )


@settings(max_examples=examples(40))
@given(notifications())
def test_every_slack_message_is_within_its_bounds(given_notification: Notification) -> None:
    message = slack_message(given_notification, CONTEXT)
    assert message["text"]
    assert len(message["blocks"]) <= 50
    assert all(1 <= len(block["text"]["text"]) <= 3000 for block in message["blocks"])


def test_a_webhook_body_in_full() -> None:
    given_notification = notification(alert(1), resolved(2, severity="ticket"))
    request = webhook_request(HOOK, given_notification, CONTEXT)
    first, second = (body := json.loads(request.body)).pop("alerts")
    assert body == {
        "version": "4",
        "groupKey": '{}:{service="checkout"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"service": "checkout"},
        "commonLabels": alert().labels,
        "commonAnnotations": {
            "summary": alert().message,
            "runbook_url": "https://runbooks.test/fast-burn",
        },
        "externalURL": "https://burnline.test/",
    }
    assert first == {
        "status": "firing",
        "labels": alert().labels,
        "annotations": {
            "summary": alert().message,
            "runbook_url": "https://runbooks.test/fast-burn",
            "severity": "page",
            "transition": "firing",
            "version": "1",
            "notice": "1",
            "dedup_key": f"{1:032x}",
        },
        "startsAt": "2026-11-23T06:40:00.250Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://burnline.test/services/checkout",
        "fingerprint": f"{1:032x}",
    }
    assert (second["status"], second["endsAt"]) == ("resolved", "2026-11-23T07:10:00.000Z")


def test_a_webhook_names_its_notification_and_is_signed_where_there_is_a_secret() -> None:
    given_notification = notification()
    plain = webhook_request(HOOK, given_notification, CONTEXT)
    assert set(plain.headers) == {"Content-Type", KEY_HEADER}
    assert plain.headers[KEY_HEADER] == given_notification.notice_key
    secret = channel(url="https://hooks.test/x", signing_secret="s3cret")
    signed = webhook_request(secret, given_notification, CONTEXT)
    timestamp = signed.headers["X-Burnline-Timestamp"]
    assert datetime.fromtimestamp(int(timestamp), UTC) == NOW
    mac = hmac.new(b"s3cret", timestamp.encode() + b"." + signed.body, hashlib.sha256)
    assert signed.headers["X-Burnline-Signature"] == f"sha256={mac.hexdigest()}"


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("http://am.test:9093", "http://am.test:9093/api/v2/alerts"),
        ("http://am.test:9093/", "http://am.test:9093/api/v2/alerts"),
        ("http://am.test/prefix", "http://am.test/prefix/api/v2/alerts"),
        ("http://am.test/api/v2/alerts", "http://am.test/api/v2/alerts"),
    ],
)
def test_alertmanager_is_named_with_or_without_the_path(given_url: str, url: str) -> None:
    request = alertmanager_request(channel("alertmanager", url=given_url), notification(), CONTEXT)
    assert request.url == url


def test_alertmanager_learns_when_an_alert_ends() -> None:
    given_notification = notification(alert(1), resolved(2))
    first, second = json.loads(alertmanager_request(HOOK, given_notification, CONTEXT).body)
    after_four_repeats = NOW + timedelta(seconds=240)
    assert datetime.fromisoformat(first["endsAt"]) == after_four_repeats
    assert datetime.fromisoformat(second["endsAt"]) == ENDED_AT
    assert datetime.fromisoformat(first["startsAt"]) == STARTED_AT
    assert first["labels"] == second["labels"] == alert().labels


@pytest.mark.parametrize(
    ("one", "action"),
    [
        (alert(), "trigger"),
        (alert(transition="escalated", version=2), "trigger"),
        (alert(transition="reminded", version=3), "trigger"),
        (alert(transition="acknowledged", version=3), "acknowledge"),
        (resolved(), "resolve"),
    ],
)
def test_pagerduty_has_one_key_for_an_episode(one: NotificationAlert, action: str) -> None:
    request = pagerduty_request(PAGER, notification(one), CONTEXT)
    event = json.loads(request.body)
    assert (event["event_action"], event["dedup_key"]) == (action, f"{1:032x}")
    assert ("payload" in event) == (action == "trigger")
    assert request.url == PAGERDUTY_URL


def test_pagerduty_takes_one_alert_at_a_time() -> None:
    with pytest.raises(ValueError, match="too many values"):
        pagerduty_request(PAGER, notification(alert(1), alert(2)), CONTEXT)


def test_an_address_of_its_own_for_pagerduty() -> None:
    europe = channel("pagerduty", routing_key="k", url="https://events.eu.test/v2/enqueue")
    assert (
        pagerduty_request(europe, notification(), CONTEXT).url
        == "https://events.eu.test/v2/enqueue"
    )


def test_slack_gets_names_that_cannot_call_anybody() -> None:
    one = alert(message="<!channel> & <@U1>", annotations={"runbook_url": "https://r.test/a&b"})
    text = json.dumps(slack_message(notification(one), CONTEXT))
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in text
    assert "<!channel>" not in text
    assert "<https://r.test/a&amp;b|Runbook>" in text
    assert "<https://burnline.test/services/checkout|checkout>" in text


def test_a_burst_is_listed_in_part_and_counted_in_full() -> None:
    burst = notification(
        *(alert(n, service_name=f"svc-{n}") for n in range(1, 1001)), group_labels={}
    )
    body = slack_message(burst, CONTEXT)["blocks"][1]["text"]["text"]
    assert title(burst) == "[FIRING] (1000)"
    assert len(body.splitlines()) == MOST_ALERTS + 1
    assert body.endswith("and 980 more```")


def test_a_title_names_what_happens() -> None:
    assert title(notification(alert(transition="escalated"))) == "[ESCALATED] checkout"
    assert title(notification(alert(1), resolved(2))) == "[FIRING] (2) checkout"
    assert title(notification(resolved(1), resolved(2))) == "[RESOLVED] (2) checkout"


@pytest.mark.parametrize("kind", [*HTTP_KINDS])
def test_a_channel_test_suits_every_kind_and_is_no_page(kind: str) -> None:
    tested = channel_test("hook", "7", NOW)
    given_channel = channel(kind, url="https://hooks.test/x", routing_key="k" * 32)
    body = json.loads(HTTP_KINDS[kind].request(given_channel, tested, CONTEXT).body)
    assert tested.is_test
    assert "critical" not in json.dumps(body)
    assert "test of the channel hook" in json.dumps(body)
    assert channel_test("hook", "8", NOW).alerts[0].dedup_key != tested.alerts[0].dedup_key


def test_every_kind_of_channel_can_be_delivered_to() -> None:
    assert {*HTTP_KINDS, "simulated", "apprise"} == set(CHANNEL_KINDS)
