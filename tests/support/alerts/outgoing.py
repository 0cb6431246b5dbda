"""Notifications, the rows of them that delivery reads and writes, and a relay at work on them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import text

from alerts.delivery.channel import Channel
from alerts.delivery.service import Delivery
from alerts.delivery.settings import DeliverySettings
from alerts.domain.notifications import Notification, NotificationAlert
from alerts.storage.repository import store_notifications
from common.config.clock import system_clock
from common.config.settings import DatabaseSettings
from common.storage.database import Database, WriteSession
from tests.support.alerts.receiver import Receiver, receiving
from tests.support.burnrate_service import eventually

STARTED_AT: Final = datetime(2026, 11, 23, 6, 40, 0, 250_000, tzinfo=UTC)
ENDED_AT: Final = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)


def alert(number: int = 1, **fields: Any) -> NotificationAlert:
    """Return an alert on `checkout`; its key is made of its number."""
    service_name = fields.pop("service_name", "checkout")
    given: dict[str, Any] = {
        "dedup_key": f"{number:032x}",
        "episode_id": number,
        "version": 1,
        "sequence": 1,
        "transition": "firing",
        "severity": "page",
        "rule": "fast-burn",
        "service_name": service_name,
        "message": "the budget of 30 days is gone in 2 hours",
        "labels": {"alertname": "fast-burn", "service": service_name, "slo": "availability"},
        "annotations": {"runbook_url": "https://runbooks.test/fast-burn"},
        "started_at": STARTED_AT,
    }
    return NotificationAlert(**(given | fields))


def resolved(number: int = 1, **fields: Any) -> NotificationAlert:
    """Return the end of an alert."""
    return alert(number, transition="resolved", version=2, sequence=2, ends_at=ENDED_AT, **fields)


def notification(*alerts: NotificationAlert, channel: str = "hook", **fields: Any) -> Notification:
    """Return a notification of these alerts, or of one."""
    alerts = alerts or (alert(),)
    key = "+".join(f"{a.dedup_key}/{a.sequence}" for a in alerts)
    given: dict[str, Any] = {
        "notice_key": f"{key}/{channel}",
        "channel": channel,
        "group_key": '{}:{service="checkout"}',
        "group_labels": {"service": "checkout"},
        "alerts": alerts,
    }
    return Notification(**(given | fields))


def channel(kind: str = "webhook", name: str = "hook", **secrets: str) -> Channel:
    """Return a channel that has these secrets."""
    return Channel(name, kind, secrets)


def payload(given: Notification) -> str:
    """Return the notification as its row holds it."""
    return msgspec.json.encode(given).decode()


FAST: Final[dict[str, Any]] = {
    "allowed_networks": (ip_network("127.0.0.0/8"),),
    "idle_seconds": 0.02,
    "first_retry_seconds": 0.02,
    "longest_retry_seconds": 0.1,
}
"""Settings of the tests: loopback is allowed, pauses are short. Time limits stay as they are, or a
busy machine would look like a silent receiver."""


class Outgoing:
    """Writes what the deciding part would write, and reads what has become of it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def clear(self) -> None:
        """Forget all rows, and all channels but the simulated one."""
        await self._run("TRUNCATE alerts.notification, alerts.episode, alerts.repeated CASCADE")
        await self._run("DELETE FROM catalog.channels WHERE name <> 'simulated'")

    async def channel(self, name: str, kind: str = "webhook", **secrets: str) -> None:
        """Add a channel, or change its secrets."""
        await self._run("UPDATE catalog.channels SET retired_at = now() WHERE name = :n", n=name)
        await self._run(
            "INSERT INTO catalog.channels (name, kind, secrets) VALUES (:n, :k, CAST(:s AS jsonb))",
            n=name,
            k=kind,
            s=json.dumps(secrets),
        )

    async def disable(self, name: str) -> None:
        """Disable a channel."""
        await self._run("UPDATE catalog.channels SET enabled = false WHERE name = :n", n=name)

    async def add(self, *notifications: Notification) -> None:
        """Write notifications in one transaction, in this order."""
        async with self.database.write() as session:
            await store_notifications(session, notifications)

    async def episode(self, alert: NotificationAlert, *channels: str) -> None:
        """Write an open episode that these channels were notified of."""
        await self._run(
            """INSERT INTO alerts.episode (id, shard, service_name, rule, dedup_key, state, version,
                level, severity, message, labels, annotations, started_at, updated_at, notices,
                channels)
            OVERRIDING SYSTEM VALUE VALUES (:id, 0, :service, :rule, :key, 'firing', 1, 1,
                :severity, :message, CAST(:labels AS jsonb), '{}', :at, :at, 1, :channels)""",
            id=alert.episode_id,
            service=alert.service_name,
            rule=f"{alert.rule}-{alert.episode_id}",
            key=alert.dedup_key,
            severity=alert.severity,
            message=alert.message,
            labels=json.dumps(alert.labels),
            at=alert.started_at,
            channels=list(channels),
        )

    async def resolve(self, session: WriteSession, episode_id: int) -> None:
        """End an episode in the caller's transaction."""
        statement = """UPDATE alerts.episode
            SET state = 'resolved', resolved_at = now() WHERE id = :id"""
        await session.execute(text(statement), {"id": episode_id})

    async def rows(self, columns: str, table: str, order: str = "id") -> list[Any]:
        """Return the rows of a table of the schema, in order."""
        statement = f"SELECT {columns} FROM alerts.{table} ORDER BY {order}"
        async with self.database.read() as session:
            return list((await session.execute(text(statement))).all())

    async def states(self) -> list[str]:
        """Return the states of all notifications, oldest first."""
        return [row.state for row in await self.rows("state", "notification")]

    async def until_states(self, *expected: str) -> None:
        """Wait for the states of all notifications."""
        await eventually(self.states, list(expected))

    async def _run(self, statement: str, **named: Any) -> None:
        async with self.database.write() as session:
            await session.execute(text(statement), named)


def connected(url: str) -> AbstractAsyncContextManager[Database]:
    """Give a database until the block ends."""
    return Database.opened(DatabaseSettings(DATABASE_URL=url), "test")


@asynccontextmanager
async def delivering(database: Database, **settings: Any) -> AsyncIterator[Delivery]:
    """Run delivery until the block ends; it must not have ended by itself."""
    delivery = Delivery(DeliverySettings(**(FAST | settings)), database, system_clock)
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def notification_keys(received: Iterable[Any]) -> list[str]:
    """Return the keys of the notifications that a webhook receiver got, in order."""
    return [request.headers["x-burnline-notice"] for request in received]


@pytest.fixture
async def outgoing(postgres_url: str) -> AsyncIterator[Outgoing]:
    """The module's database with no notifications and only the simulated channel."""
    async with connected(postgres_url) as database:
        found = Outgoing(database)
        await found.clear()
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of this test; it answers 200 unless asked otherwise."""
    with receiving() as found:
        yield found


@pytest.fixture
async def hook(outgoing: Outgoing, receiver: Receiver) -> None:
    """The webhook channel `hook` that leads to the receiver."""
    await outgoing.channel("hook", url=f"{receiver.url}/abcdefgh", signing_secret="s3cret")
