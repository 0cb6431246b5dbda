"""The shard ledger's statements on PostgreSQL: who holds a shard, and from which offset on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.config.settings import DatabaseSettings
from common.ledger.shard import NEVER
from common.ledger.store import (
    FencedError,
    ForeignClusterError,
    LedgerStore,
    StoredOffset,
    reset_ledger,
)
from common.storage.database import Database

STORE = LedgerStore("burnrate")
STARTS = {"metrics": 5, "history": 0}
LATER = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)
SHARD = 3
Acquired = tuple[int, dict[str, StoredOffset]]


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database.connect(DatabaseSettings(DATABASE_URL=postgres_url), "test")
    async with database.write() as session:
        await session.execute(text("TRUNCATE burnrate.shard CASCADE"))
    yield database
    await database.close()


async def acquire(
    database: Database, cluster: str = "one", starts: dict[str, int] = STARTS
) -> Acquired:
    async with database.write() as session:
        return await STORE.acquire(session, SHARD, "me", cluster, starts)


async def advance(database: Database, epoch: int, held: dict[str, int], to: dict[str, int]) -> None:
    async with database.write() as session:
        await STORE.lock(session, SHARD, epoch, held)
        reached = {topic: StoredOffset(offset, LATER) for topic, offset in to.items()}
        await STORE.advance(session, SHARD, reached)


def offsets(acquired: Acquired) -> dict[str, int]:
    return {topic: stored.next_offset for topic, stored in acquired[1].items()}


async def test_a_new_shard_begins_at_the_start_of_the_log(database: Database) -> None:
    epoch, stored = await acquire(database)
    assert epoch == 1
    assert stored == {"metrics": StoredOffset(5, NEVER), "history": StoredOffset(0, NEVER)}


async def test_each_acquisition_raises_the_epoch_and_keeps_the_offsets(database: Database) -> None:
    await acquire(database)
    await advance(database, 1, STARTS, {"metrics": 9})
    epoch, stored = await acquire(database, starts={"metrics": 7, "history": 0})
    assert epoch == 2
    assert stored == {"metrics": StoredOffset(9, LATER), "history": StoredOffset(0, NEVER)}


async def test_a_topic_that_comes_later_begins_at_its_start(database: Database) -> None:
    await acquire(database, starts={"metrics": 5})
    assert offsets(await acquire(database, starts={"metrics": 6, "changes": 2})) == {
        "metrics": 5,
        "changes": 2,
    }


async def test_an_old_epoch_is_fenced(database: Database) -> None:
    await acquire(database)
    await acquire(database)
    with pytest.raises(FencedError, match="stored epoch 2"):
        await advance(database, 1, STARTS, {"metrics": 9})
    await advance(database, 2, STARTS, {"metrics": 9})


@pytest.mark.parametrize(
    "held", [{"metrics": 6, "history": 0}, {"metrics": 4}, {"metrics": 5, "unknown": 0}]
)
async def test_an_offset_that_is_not_the_stored_one_is_fenced(
    database: Database, held: dict[str, int]
) -> None:
    await acquire(database)
    with pytest.raises(FencedError):
        await advance(database, 1, held, {"metrics": 9})
    assert offsets(await acquire(database)) == STARTS


async def test_a_shard_that_was_never_acquired_is_fenced(database: Database) -> None:
    with pytest.raises(FencedError, match="stored epoch None"):
        await advance(database, 1, STARTS, {"metrics": 9})


async def test_what_is_rolled_back_does_not_advance(database: Database) -> None:
    await acquire(database)

    async def advance_and_fail() -> None:
        async with database.write() as session:
            await STORE.lock(session, SHARD, 1, STARTS)
            await STORE.advance(session, SHARD, {"metrics": StoredOffset(9, LATER)})
            raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError, match="the work failed"):
        await advance_and_fail()
    await advance(database, 1, STARTS, {"metrics": 6})


async def test_another_cluster_is_refused_and_nothing_changes(database: Database) -> None:
    await acquire(database)
    await advance(database, 1, STARTS, {"metrics": 9})
    with pytest.raises(ForeignClusterError, match="burnline ledger reset"):
        await acquire(database, "two")
    await advance(database, 1, {"metrics": 9, "history": 0}, {"metrics": 10})  # still the owner


async def test_after_a_reset_the_next_cluster_is_read_from_its_start(
    database: Database, postgres_url: str
) -> None:
    await acquire(database)
    await advance(database, 1, STARTS, {"metrics": 9})
    await reset_ledger(postgres_url, "burnrate")
    epoch, stored = await acquire(database, "two", {"metrics": 2, "history": 1})
    assert epoch == 2
    assert offsets((epoch, stored)) == {"metrics": 2, "history": 1}
    with pytest.raises(FencedError):
        await advance(database, 1, {"metrics": 9}, {"metrics": 10})
    with pytest.raises(ForeignClusterError):
        await acquire(database, "one")


async def test_an_acquisition_waits_for_the_open_transaction_of_the_former_owner(
    database: Database,
) -> None:
    await acquire(database)
    async with database.write() as session:
        await STORE.lock(session, SHARD, 1, STARTS)
        successor = asyncio.create_task(acquire(database))
        await asyncio.sleep(0.2)
        assert not successor.done()
        await STORE.advance(session, SHARD, {"metrics": StoredOffset(9, LATER)})
    epoch, stored = await successor
    assert (epoch, stored["metrics"].next_offset) == (2, 9)


async def test_shards_are_independent(database: Database) -> None:
    await acquire(database)
    async with database.write() as session:
        await STORE.acquire(session, SHARD + 1, "other", "one", STARTS)
    await advance(database, 1, STARTS, {"metrics": 9})


async def test_a_reading_session_cannot_write(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(DBAPIError, match="read-only"):
            await session.execute(text("DELETE FROM burnrate.shard"))


@pytest.mark.parametrize(
    ("settings", "expected"), [({}, "15s"), ({"idle_transaction_seconds": 0.5}, "500ms")]
)
async def test_a_transaction_is_not_held_open_for_ever(
    postgres_url: str, settings: dict[str, float], expected: str
) -> None:
    made = DatabaseSettings.model_validate({"database_url": postgres_url, **settings})
    database = Database.connect(made, "test")
    async with database.read() as session:
        statement = text("SELECT current_setting('idle_in_transaction_session_timeout')")
        assert (await session.execute(statement)).scalar_one() == expected
    await database.close()
