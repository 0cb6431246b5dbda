"""What the gateway reads of the gate's tables: decisions by id, changes by time."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api_gateway.release.ports import ChangeQuery, StoredChange
from api_gateway.release.repository import PostgresResults
from common.config.settings import DatabaseSettings
from common.events import ChangeEvent, encode
from common.storage.database import Database
from tests.support.gateway.decisions import decided

NOW = datetime(2026, 3, 2, 12, 0, 30, 123456, tzinfo=UTC)
CHANGE = """INSERT INTO gate.changes (identity, service, at, kind, version, actor, url, note,
    source, event_id, appended_at)
    VALUES (:identity, :service, :at, 'deploy', :version, '', '', '', '', '', :appended_at)"""
DECISION = """INSERT INTO gate.decision (decision_id, service, shard, epoch, decided_at,
    policy_hash, decision, inputs)
    VALUES (:id, :service, 0, 1, :at, 'h', CAST(:decision AS jsonb), CAST(:inputs AS jsonb))"""
POLICY = """INSERT INTO gate.policy (hash, name, document, first_used_at)
    VALUES ('h', 'default', '{"name": "default"}', now())"""


class Tables:
    """The gate's tables, and the reader of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.results = PostgresResults(database)

    async def run(self, statement: str, *rows: dict[str, Any]) -> None:
        async with self._database.write() as session:
            await session.execute(text(statement), list(rows) or None)

    async def changes(self, limit: int = 100, **fields: Any) -> list[StoredChange]:
        asked: dict[str, Any] = {
            "service_name": None,
            "since": NOW - timedelta(days=1),
            "until": NOW,
            "before": None,
            "limit": limit,
        }
        async with self.results.read() as reader:
            return await reader.changes(ChangeQuery(**{**asked, **fields}))


@pytest.fixture
async def tables(postgres_url: str) -> AsyncIterator[Tables]:
    database = Database.connect(DatabaseSettings(DATABASE_URL=postgres_url), "test")
    made = Tables(database)
    await made.run("TRUNCATE gate.changes, gate.decision, gate.policy CASCADE")
    yield made
    await database.close()


def row(number: int, service: str, at: datetime) -> dict[str, Any]:
    identity = bytes([number]) * 16
    seen = at + timedelta(seconds=1)
    base = {"identity": identity, "service": service, "at": at}
    return {**base, "version": f"1.{number}", "appended_at": seen}


async def test_changes_are_paged_through_exactly_once_also_at_one_instant(tables: Tables) -> None:
    together = NOW - timedelta(minutes=5)
    rows = [row(n, "checkout" if n % 2 else "cart", together) for n in range(1, 6)]
    rows += [row(9, "checkout", NOW), row(8, "checkout", NOW - timedelta(days=1))]
    rows += [row(7, "checkout", NOW - timedelta(days=1, microseconds=1))]
    await tables.run(CHANGE, *rows)
    everything = [change.event.version for change in await tables.changes()]
    assert everything == ["1.9", "1.1", "1.2", "1.3", "1.4", "1.5", "1.8"]
    shown: list[str] = []
    before = None
    while found := await tables.changes(2, before=before):
        shown += [change.event.version for change in found]
        before = (found[-1].event.at, found[-1].identity)
    assert shown == everything
    own = await tables.changes(service_name="checkout", until=together)
    assert [change.event.version for change in own] == ["1.1", "1.3", "1.5", "1.8"]
    assert await tables.changes(service_name="nobody") == []
    newest = (await tables.changes(1))[0]
    assert newest == StoredChange(
        bytes([9]) * 16,
        ChangeEvent(service="checkout", at=NOW, kind="deploy", version="1.9"),
        NOW + timedelta(seconds=1),
    )


async def test_decisions_are_read_as_they_were_published(tables: Tables) -> None:
    await tables.run(POLICY)
    inputs = {"tier": 1, "snapshot": {"composite_burn_rate": 0.1 + 0.2}}
    rows = [
        {
            "id": f"01JD{number}",
            "service": service,
            "at": NOW,
            "decision": encode(decided(service, decision_id=f"01JD{number}")).decode(),
            "inputs": json.dumps(inputs),
        }
        for number, service in enumerate(["checkout", "cart", "checkout", "checkout"])
    ]
    await tables.run(DECISION, *rows)
    async with tables.results.read() as reader:
        newest = await reader.decisions("checkout", None, 2)
        rest = await reader.decisions("checkout", newest[-1].decision_id, 2)
        stored = await reader.decision("01JD2")
        assert await reader.decision("01JD9") is None
    assert [d.decision_id for d in [*newest, *rest]] == ["01JD3", "01JD2", "01JD0"]
    assert newest[0] == decided("checkout", decision_id="01JD3")
    assert stored is not None
    assert (stored.inputs, stored.policy) == (inputs, {"name": "default"})
