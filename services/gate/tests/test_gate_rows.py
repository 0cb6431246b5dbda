"""What PostgreSQL gives back: decisions to the last figure, the newest of each, changes once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from common.admission.change_events import identity_of_change
from common.config.settings import DatabaseSettings
from common.decisions.evaluate import evaluate
from common.events import ChangeEvent
from common.ledger.store import FencedError
from common.storage.database import Database
from gate.domain.records import DecisionRecord, Stamp, decision_id, published, replay
from gate.storage import repository
from gate.storage.repository import IdentifiedChange
from tests.support.gate_inputs import random_state

STATES = 300
SHARD, EPOCH = 1, 4
EXPIRES = timedelta(seconds=30)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    found = Database.connect(DatabaseSettings(DATABASE_URL=postgres_url), "test")
    async with found.write() as session:
        tables = "gate.decision, gate.policy, gate.standing, gate.changes, gate.shard"
        await session.execute(text(f"TRUNCATE {tables} CASCADE"))
        await session.execute(
            text("INSERT INTO gate.shard (shard, epoch, owner) VALUES (:s, :e, 'test')"),
            {"s": SHARD, "e": EPOCH},
        )
    yield found
    await found.close()


def decided(seed: int, service: str) -> DecisionRecord:
    rules, inputs = random_state(seed)
    inputs = replace(inputs, service_name=service)
    stamp = Stamp(SHARD, EPOCH, decision_id(inputs.now, seed.to_bytes(10, "big")), EXPIRES)
    decision = published(rules, inputs, evaluate(rules, inputs), stamp, None)
    return DecisionRecord(decision, inputs, rules)


async def store(database: Database, *records: DecisionRecord, epoch: int = EPOCH) -> None:
    async with database.write() as session:
        await repository.store_decisions(session, SHARD, epoch, records)


async def count(database: Database, table: str) -> int:
    async with database.read() as session:
        found: int = (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
    return found


async def test_stored_decisions_are_made_again_to_the_last_figure(database: Database) -> None:
    records = [decided(seed, f"svc{seed}") for seed in range(STATES)]
    await store(database, *records)
    for record in records:
        async with database.read() as session:
            found = await repository.load_record(session, record.decision.decision_id)
        assert found == record
        assert replay(found).is_same
    async with database.read() as session:
        assert await repository.load_record(session, "0" * 26) is None


async def test_the_newest_decision_of_each_service_is_where_the_next_owner_goes_on(
    database: Database,
) -> None:
    first, second, other = decided(1, "checkout"), decided(2, "checkout"), decided(3, "cart")
    await store(database, first, other)
    await store(database, second)
    async with database.read() as session:
        found = {d.service_name: d for d in await repository.load_decisions(session, SHARD)}
        assert await repository.load_decisions(session, SHARD + 1) == []
    assert found == {"checkout": second.decision, "cart": other.decision}


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
async def test_who_does_not_hold_the_shard_stores_nothing(database: Database, epoch: int) -> None:
    with pytest.raises(FencedError):
        await store(database, decided(1, "checkout"), epoch=epoch)
    assert await count(database, "gate.decision") == 0


async def test_one_policy_is_kept_once(database: Database) -> None:
    record = decided(1, "checkout")
    await store(database, record, decided(2, "cart"))
    await store(database, replace_id(record))
    assert await count(database, "gate.policy") == 2


def replace_id(record: DecisionRecord) -> DecisionRecord:
    decision = replace(record.decision, decision_id=decision_id(record.inputs.now, b"\xff" * 10))
    return DecisionRecord(decision, record.inputs, record.policy)


def change(version: str, at: datetime) -> IdentifiedChange:
    event = ChangeEvent(
        service="checkout", at=at, kind="deploy", version=version, source="ci", event_id=version[:2]
    )
    return IdentifiedChange(identity_of_change(event), event, at, f"key/{version}")


async def test_the_first_content_of_a_change_stays(database: Database) -> None:
    now = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
    for batch in (
        [change("1.0", now), change("1.1", now), change("2.0", now)],
        [change("2.1", now)],
    ):
        async with database.write() as session:
            await repository.store_changes(session, batch)
    async with database.read() as session:
        rows = await session.execute(text("SELECT version, sender FROM gate.changes ORDER BY 1"))
        assert [tuple(row) for row in rows] == [("1.0", "key/1.0"), ("2.0", "key/2.0")]


async def test_what_is_old_is_deleted_but_for_what_still_stands(database: Database) -> None:
    first, second = decided(1, "checkout"), decided(2, "checkout")
    await store(database, first)
    await store(database, second)
    async with database.write() as session:
        await repository.store_changes(session, [change("1.0", first.inputs.now)])
        await repository.purge(session, second.inputs.now + timedelta(days=30))
    async with database.read() as session:
        assert await repository.load_record(session, first.decision.decision_id) is None
        assert await repository.load_record(session, second.decision.decision_id) == second
    assert await count(database, "gate.changes") == 0
