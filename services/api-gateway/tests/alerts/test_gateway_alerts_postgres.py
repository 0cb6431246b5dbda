"""What the gateway stores and reads of alerts, on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api_gateway.alerts.domain import (
    Alert,
    AlertQuery,
    Channel,
    NotificationQuery,
    Silence,
    StoredRule,
    event_of,
)
from api_gateway.alerts.repository import AlertStore
from common.alerting.silences import Matcher
from common.kafka.topics import RULES
from common.storage.audit import AuditEvent
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import (
    alert,
    notification,
    store_alert,
    store_notification,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LARGEST = 2**63 - 1


def store_of(gateway: GatewayHarness) -> AlertStore:
    return gateway.of(AlertStore)


async def alerts(gateway: GatewayHarness, **fields: Any) -> list[Alert]:
    query = AlertQuery(**{"before": LARGEST, "limit": 10, **fields})
    async with store_of(gateway).read() as reader:
        return await reader.alerts(query)


async def test_alerts_are_read_by_what_is_asked(gateway: GatewayHarness) -> None:
    ended = alert(2, rule="b", state="resolved", resolved_at=NOW - timedelta(hours=2))
    for found in (alert(1), ended, alert(3, service_name="cart", severity="ticket")):
        await store_alert(gateway.database, found)
    ids = [[a.id for a in await alerts(gateway, **asked)] for asked in (
        {}, {"limit": 1}, {"before": 3}, {"states": ("firing",)}, {"severities": ("ticket",)},
        {"service_name": "checkout"}, {"since": NOW - timedelta(hours=1)},
        {"since": NOW - timedelta(hours=2)},
    )]  # fmt: skip
    assert ids == [[3, 2, 1], [3], [2, 1], [3, 1], [3], [2, 1], [3, 1], [3, 2, 1]]


async def test_an_acknowledgement_counts_from_its_commit_and_for_its_version(
    gateway: GatewayHarness,
) -> None:
    await store_alert(gateway.database, alert(1))
    async with store_of(gateway).write() as writer:
        found = await writer.alert(1)
        assert found is not None
        made = await writer.acknowledge(found, "key/ines", "Ines", "mine")
        await writer.record(AuditEvent(NOW, "alert.acknowledged", "alert/1", "checkout", {}, []))
    (shown,) = await alerts(gateway)
    assert (shown.state, shown.acknowledged_by, shown.version) == ("acknowledged", "key/ines", 1)
    assert shown.acknowledged_on_behalf_of == "Ines"
    assert [a.id for a in await alerts(gateway, states=("firing",))] == []
    assert await gateway.announced(RULES) == [event_of(made)]
    async with store_of(gateway).write() as writer:
        assert made in await writer.topic_state(NOW)
    await gateway.database.run("UPDATE alerts.episode SET version = 2")
    assert [a.state for a in await alerts(gateway)] == ["firing"]
    await gateway.database.run(
        "UPDATE alerts.episode SET version = 1, acknowledgement_revision = :revision",
        {"revision": made.revision},
    )
    assert [a.state for a in await alerts(gateway)] == ["firing"]  # it was refused as too late


async def test_rules_silences_and_channels_are_kept_with_their_events(
    gateway: GatewayHarness,
) -> None:
    matchers = (Matcher("service", "check*", is_glob=True),)
    span = (NOW, NOW + timedelta(hours=1))
    async with store_of(gateway).write() as writer:
        await writer.put_rule("half", {"name": "half"})
        await writer.put_rule("half", {"name": "half", "enabled": False})
        quiet = await writer.add_silence(
            matchers, span, created_by="key/ines", on_behalf_of="Ines", comment="works"
        )
        hook = await writer.add_channel("hook", "webhook", {"url": "https://h.example.com/x"})
    async with store_of(gateway).write() as writer:
        (rule,) = await writer.rules()
        assert rule.document == {"name": "half", "enabled": False}
        assert await writer.silences(LARGEST, 10) == [quiet]
        assert await writer.silence(quiet.id) == quiet
        assert [c.name for c in await writer.channels()] == ["hook", "simulated"]
        wanted = await writer.topic_state(NOW)
        assert {type(w) for w in wanted} == {StoredRule, Silence, Channel}
        assert quiet not in await writer.topic_state(span[1])
    events = await gateway.announced(RULES)
    assert [e.revision for e in events] == sorted({e.revision for e in events})
    assert events[2:] == [event_of(quiet), event_of(hook)]
    async with store_of(gateway).write() as writer:
        ended = await writer.expire_silence(
            quiet.id, "key/omar", "Omar", NOW + timedelta(minutes=1)
        )
        await writer.retire_rule("half")
        gone = await writer.change_channel(hook.id, enabled=False, secrets={}, retired_at=NOW)
    assert (ended.ends_at, ended.expired_by) == (NOW + timedelta(minutes=1), "key/omar")
    assert (ended.on_behalf_of, ended.expired_on_behalf_of) == ("Ines", "Omar")
    assert (gone.retired, gone.secrets) == (True, {})
    async with store_of(gateway).write() as writer:
        assert await writer.rules() == []
        assert [c.name for c in await writer.channels()] == ["simulated"]
        # what is deleted must be known as deleted
        retired = [w for w in await writer.topic_state(NOW) if not isinstance(w, Silence)]
    assert {(type(w), getattr(w, "retired", False)) for w in retired} == {
        (StoredRule, True),
        (Channel, True),
        (Channel, False),
    }


async def test_notifications_are_read_but_not_the_repeats(gateway: GatewayHarness) -> None:
    told = {
        "episode_id": 1, "version": 1, "transition": "firing", "severity": "page", "rule": "r",
        "service_name": "checkout", "message": "it burns", "labels": {},
    }  # fmt: skip
    rows = (("a", "sent"), ("b", "dead"), ("c", "sent"), ("trial/simulated/abc", "sent"))
    for number, (key, state) in enumerate(rows, 1):
        told_of = 1 if number < 4 else 99
        made = notification(number, state=state, alerts=({**told, "episode_id": told_of},))
        await store_notification(gateway.database, made, key)
    await gateway.database.run("UPDATE alerts.notification SET repeat = true WHERE id = 3")
    async with store_of(gateway).read() as reader:
        everything = await reader.notifications(NotificationQuery(LARGEST, 10))
        assert [n.state for n in everything] == ["sent", "dead", "sent"]
        dead = await reader.notifications(NotificationQuery(LARGEST, 10, state="dead"))
        assert dead[0].alerts[0] == {k: v for k, v in told.items() if k != "labels"}
        of_alert = await reader.notifications(NotificationQuery(LARGEST, 10, episode_id=1))
        assert len(of_alert) == 2
        found = await reader.channel_test("abc")
        assert found is not None
        assert found.state == "sent"
        assert await reader.channel_test("abd") is None
