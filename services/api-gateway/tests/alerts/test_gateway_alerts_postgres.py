"""What the gateway stores and reads of alerts, on PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from api_gateway.alerts.config_repository import PostgresAlerts
from api_gateway.alerts.domain import Channel, Silence, StoredRule, event_of
from api_gateway.alerts.ports import Alert, AlertQuery, NotificationQuery
from api_gateway.settings import GatewaySettings
from common.alerting.silences import Matcher
from common.events import RuleMessage
from common.kafka.client import Publisher
from common.storage.audit import AuditEvent
from common.storage.database import Database
from common.storage.outbox import Outbox
from tests.support.burn_events import PARTITIONS

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LARGEST = 2**63 - 1
EPISODE = """INSERT INTO alerts.episode (id, shard, service_name, rule, dedup_key, state, version,
        level, severity, message, labels, annotations, started_at, updated_at, resolved_at,
        channels)
    VALUES (:id, 0, :service, :rule, :key, :state, :version, 1, :severity, 'it burns',
        '{"service": "checkout"}', '{}', :at, :at, :resolved_at, '{simulated}')"""
NOTIFICATION = """INSERT INTO alerts.notification
        (notice_key, channel, group_key, episode_ids, payload, state, repeat)
    VALUES (:key, 'simulated', 'checkout', :episodes, CAST(:payload AS jsonb), :state, :repeat)"""


@dataclass
class Shelf:
    """The store, and a look behind it."""

    database: Database
    store: PostgresAlerts

    async def run(self, statement: str, **values: Any) -> None:
        async with self.database.write() as session:
            await session.execute(text(statement), values)

    async def episode(self, number: int, **fields: Any) -> None:
        given = {
            "service": "checkout", "rule": f"rule-{number}", "key": str(number),
            "state": "firing", "version": 1, "severity": "page", "at": NOW, "resolved_at": None,
        }  # fmt: skip
        await self.run(EPISODE, id=number, **{**given, **fields})

    async def events(self) -> list[RuleMessage]:
        async with self.database.read() as session:
            rows = await session.execute(text("SELECT value FROM catalog.outbox ORDER BY id"))
            decoder = msgspec.json.Decoder(RuleMessage)
            return [decoder.decode(row.value) for row in rows]

    async def alerts(self, **fields: Any) -> list[Alert]:
        query = AlertQuery(**{"before": LARGEST, "limit": 10, **fields})
        async with self.store.read() as reader:
            return await reader.alerts(query)


@pytest.fixture
async def shelf(postgres_url: str) -> AsyncIterator[Shelf]:
    """The module's database without alerts and wishes."""
    settings = GatewaySettings.model_validate(
        {"database_url": postgres_url, "partitions": PARTITIONS}
    )
    database = Database.connect(settings, "test")
    found = Shelf(
        database, PostgresAlerts(database, Outbox("catalog", database, Publisher(settings)))
    )
    await found.run("TRUNCATE alerts.episode, alerts.notification, catalog.outbox CASCADE")
    await found.run("TRUNCATE catalog.acknowledgements, catalog.silences, catalog.alert_rules")
    await found.run("DELETE FROM catalog.channels WHERE name <> 'simulated'")
    yield found
    await database.close()


async def test_alerts_are_read_by_what_is_asked(shelf: Shelf) -> None:
    await shelf.episode(1)
    await shelf.episode(2, state="resolved", resolved_at=NOW - timedelta(hours=2))
    await shelf.episode(3, service="cart", severity="ticket")
    ids = [[a.id for a in await shelf.alerts(**asked)] for asked in (
        {}, {"limit": 1}, {"before": 3}, {"states": ("firing",)}, {"severities": ("ticket",)},
        {"service_name": "checkout"}, {"since": NOW - timedelta(hours=1)},
        {"since": NOW - timedelta(hours=2)},
    )]  # fmt: skip
    assert ids == [[3, 2, 1], [3], [2, 1], [3, 1], [3], [2, 1], [3, 1], [3, 2, 1]]


async def test_an_acknowledgement_counts_from_its_commit_and_for_its_version(shelf: Shelf) -> None:
    await shelf.episode(1)
    async with shelf.store.write() as writer:
        alert = await writer.alert(1)
        assert alert is not None
        made = await writer.acknowledge(alert, "ines", "mine")
        await writer.record(
            AuditEvent(NOW, "ines", "alert.acknowledged", "alert/1", "checkout", {})
        )
    (shown,) = await shelf.alerts()
    assert (shown.state, shown.acknowledged_by, shown.version) == ("acknowledged", "ines", 1)
    assert [a.id for a in await shelf.alerts(states=("firing",))] == []
    assert await shelf.events() == [event_of(made)]
    async with shelf.store.read() as reader:
        assert made in await reader.wanted(NOW)
    await shelf.run("UPDATE alerts.episode SET version = 2")
    assert [a.state for a in await shelf.alerts()] == ["firing"]
    await shelf.run(
        "UPDATE alerts.episode SET version = 1, acknowledgement_revision = :revision",
        revision=made.revision,
    )
    assert [a.state for a in await shelf.alerts()] == ["firing"]  # it was refused as too late


async def test_rules_silences_and_channels_are_kept_with_their_events(shelf: Shelf) -> None:
    matchers = (Matcher("service", "check*", is_glob=True),)
    span = (NOW, NOW + timedelta(hours=1))
    async with shelf.store.write() as writer:
        await writer.put_rule("half", {"name": "half"})
        await writer.put_rule("half", {"name": "half", "enabled": False})
        quiet = await writer.add_silence(matchers, span, "ines", "works")
        hook = await writer.add_channel("hook", "webhook", {"url": "https://h.example.com/x"})
    async with shelf.store.read() as reader:
        (rule,) = await reader.rules()
        assert rule.document == {"name": "half", "enabled": False}
        assert await reader.silences(LARGEST, 10) == [quiet]
        assert await reader.silence(quiet.id) == quiet
        assert [c.name for c in await reader.channels()] == ["hook", "simulated"]
        wanted = await reader.wanted(NOW)
        assert {type(w) for w in wanted} == {StoredRule, Silence, Channel}
        assert quiet not in await reader.wanted(span[1])
    events = await shelf.events()
    assert [e.revision for e in events] == sorted({e.revision for e in events})
    assert events[2:] == [event_of(quiet), event_of(hook)]
    async with shelf.store.write() as writer:
        ended = await writer.expire_silence(quiet.id, "omar", NOW + timedelta(minutes=1))
        await writer.retire_rule("half")
        gone = await writer.change_channel(hook.id, enabled=False, secrets={}, retired_at=NOW)
    assert (ended.ends_at, ended.expired_by) == (NOW + timedelta(minutes=1), "omar")
    assert (gone.retired, gone.secrets) == (True, {})
    async with shelf.store.read() as reader:
        assert await reader.rules() == []
        assert [c.name for c in await reader.channels()] == ["simulated"]
        # what is deleted must be known as deleted
        retired = [w for w in await reader.wanted(NOW) if not isinstance(w, Silence)]
    assert {(type(w), getattr(w, "retired", False)) for w in retired} == {
        (StoredRule, True),
        (Channel, True),
        (Channel, False),
    }


async def test_notifications_are_read_but_not_the_repeats(shelf: Shelf) -> None:
    told = {
        "episode_id": 1, "version": 1, "transition": "firing", "severity": "page", "rule": "r",
        "service_name": "checkout", "message": "it burns", "labels": {},
    }  # fmt: skip
    payload = msgspec.json.encode({"alerts": [told]}).decode()
    rows = (("a", "sent", False), ("b", "dead", False), ("c", "sent", True))
    for key, state, repeat in rows:
        await shelf.run(
            NOTIFICATION, key=key, episodes=[1], payload=payload, state=state, repeat=repeat
        )
    trial = "trial/simulated/abc"
    await shelf.run(
        NOTIFICATION, key=trial, episodes=[], payload=payload, state="sent", repeat=False
    )
    async with shelf.store.read() as reader:
        everything = await reader.notifications(NotificationQuery(LARGEST, 10))
        assert [n.state for n in everything] == ["sent", "dead", "sent"]
        dead = await reader.notifications(NotificationQuery(LARGEST, 10, state="dead"))
        assert dead[0].alerts[0] == {k: v for k, v in told.items() if k != "labels"}
        of_alert = await reader.notifications(NotificationQuery(LARGEST, 10, episode_id=1))
        assert len(of_alert) == 2
        found = await reader.trial("abc")
        assert found is not None
        assert found.state == "sent"
        assert await reader.trial("abd") is None
