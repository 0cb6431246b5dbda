"""An alerts service inside the test's event loop, on real servers, and what it left behind."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from alerts.app import Alerts
from alerts.delivery.settings import DeliverySettings
from alerts.settings import AlertsSettings, AllSettings
from common.alerting.rules import Rule, rule_document
from common.events import (
    BurnRateMessage,
    BurnRateSnapshot,
    Event,
    RuleChanged,
    ShardHeartbeat,
    SloStatus,
    encode,
)
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES, RULES
from tests.support.alerts.in_memory import snapshot
from tests.support.burnrate_service import producer, publish_in_order, query, served, servers

SHARDS = 4


def alerts_settings(database_url: str, bootstrap: str) -> AllSettings:
    """Return settings that name the servers of the test."""
    return AllSettings(
        # what a test publishes once is to hold longer than the test does on a busy machine
        alerts=AlertsSettings(tick_seconds=0.1, BURNLINE_SHARD_SILENCE_SECONDS=60.0),
        delivery=DeliverySettings(ALERTS_ALLOWED_NETWORKS="127.0.0.0/8", first_retry_seconds=0.1),
        **servers(database_url, bootstrap),
    )


def alerts(settings: AllSettings) -> AbstractAsyncContextManager[Alerts]:
    """Run the service until the block ends."""
    return served(Alerts(settings, SHARDS))


def shot(service: str, *slos: SloStatus, epoch: int = 1) -> BurnRateSnapshot:
    """Return a service's snapshot of this instant."""
    found = snapshot(*slos, service=service)
    return replace(
        found, shard=shard_of(service, SHARDS), epoch=epoch, evaluated_at=datetime.now(UTC)
    )


async def publish_state(bootstrap: str, snapshots: Sequence[BurnRateSnapshot]) -> None:
    """Publish snapshots as burnrate does, with a sign of life of every shard."""
    now = datetime.now(UTC)
    beats = [ShardHeartbeat(shard, 1, now, now, 1) for shard in range(SHARDS)]
    events: list[tuple[str, BurnRateMessage]] = [(s.service_name, s) for s in snapshots]
    events += [(f"shard/{b.shard}", b) for b in beats]
    async with producer(bootstrap) as client:
        sent = [
            await client.send(BURNRATES.name, encode(e), key=key.encode(), partition=e.shard)
            for key, e in events
        ]
        await asyncio.gather(*sent)


async def publish_rules(bootstrap: str, *changes: tuple[str, Event]) -> None:
    """Publish what users want, by key."""
    await publish_in_order(bootstrap, RULES, 0, changes)


async def in_force(bootstrap: str, *rules: Rule, revision: int = 1) -> None:
    """Put rules in force in place of the defaults of the same name."""
    changes: list[tuple[str, Event]] = [
        (f"rule/{r.name}", RuleChanged(revision + n, r.name, rule_document(r), retired=False))
        for n, r in enumerate(rules)
    ]
    await publish_rules(bootstrap, *changes)


async def episodes(url: str, rule: str) -> list[tuple[str, str, int, int]]:
    """Return (service, state, version, notifications) of a rule's episodes, oldest first."""
    return await rows_of(
        url,
        """SELECT service_name, state, version, notices FROM alerts.episode
        WHERE rule = $1 ORDER BY id""",
        rule,
    )


async def notified(url: str, rule: str) -> list[tuple[str, str, str]]:
    """Return (service, transition, state of the delivery) of the notifications of a rule."""
    return await rows_of(
        url,
        """SELECT a ->> 'service_name', a ->> 'transition', n.state
        FROM alerts.notification n, jsonb_array_elements(n.payload -> 'alerts') a
        WHERE a ->> 'rule' = $1 ORDER BY n.id""",
        rule,
    )


async def histories(url: str, rule: str) -> list[str]:
    """Return the kinds of all transitions of a rule's episodes, in order."""
    rows = await rows_of(
        url,
        """SELECT t.kind FROM alerts.transition t JOIN alerts.episode e ON e.id = t.episode_id
        WHERE e.rule = $1 ORDER BY t.id""",
        rule,
    )
    return [kind for (kind,) in rows]


async def rows_of(url: str, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return [tuple(row) for row in await query(url, sql, *arguments)]
