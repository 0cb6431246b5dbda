"""What is no longer kept goes, and nothing else; marks of past hours become one row."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from burnrate.domain.batch import DedupKeyKind
from burnrate.storage import recovery_repository, repository
from common.config.settings import DatabaseSettings
from common.counts.layout import KEPT
from common.slo.windows import HOUR
from common.storage.database import Database
from tests.support.burnrate_service import query

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THIS_HOUR = int(NOW.timestamp()) // HOUR
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
RECENT, IMPORTED = DedupKeyKind


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    made = Database.connect(DatabaseSettings(DATABASE_URL=url), "test")
    yield made
    await made.close()


async def test_counts_go_at_their_age(url: str, database: Database) -> None:
    edges = {
        (resolution, int((NOW - kept).timestamp()) // resolution + newer): bytes(24)
        for resolution, kept in KEPT.items()
        for newer in (0, 1)
    }
    async with database.write() as session:
        for shard in (2, 3):
            await repository.store_blocks(session, shard, edges)
    async with database.write() as session:
        await recovery_repository.purge(session, 3, NOW)
    left = await query(url, "SELECT shard, count(*) AS blocks FROM burnrate.count_block GROUP BY 1")
    assert {row["shard"]: row["blocks"] for row in left} == {2: 6, 3: 3}


async def test_dedup_keys_go_when_no_repeat_is_admitted(url: str, database: Database) -> None:
    async with database.write() as session:
        for kind, hours_ago in ((RECENT, 0), (IMPORTED, 90 * 24)):
            newer = THIS_HOUR - hours_ago - 1
            keys = {newer - 1: b"older", newer: kind.value.encode()}
            await repository.add_dedup_keys(session, 3, kind, keys)
    async with database.write() as session:
        before = NOW - SECOND
        await recovery_repository.purge_dedup_keys(session, 3, before, before - 90 * DAY)
    left = await query(url, "SELECT marks FROM burnrate.mark ORDER BY hour")
    assert [row["marks"] for row in left] == [b"imported", b"recent"]


async def test_the_dedup_keys_of_past_hours_become_one_row_each(
    url: str, database: Database
) -> None:
    for part in (b"aa", b"bb", b"cc"):
        async with database.write() as session:
            hours = {THIS_HOUR - 2: part, THIS_HOUR - 1: part[:1], THIS_HOUR: part}
            await repository.add_dedup_keys(session, 3, RECENT, hours)
            await repository.add_dedup_keys(session, 3, IMPORTED, {THIS_HOUR - 1: part[1:]})
            await repository.add_dedup_keys(session, 2, RECENT, {THIS_HOUR - 2: part})
    for found in (True, True, True, False):
        async with database.write() as session:
            assert await recovery_repository.seal_dedup_keys(session, 3, NOW) is found
    async with database.read() as session:
        hours_now = [THIS_HOUR - 2, THIS_HOUR - 1, THIS_HOUR, THIS_HOUR + 1]
        marks = await repository.read_dedup_keys(session, 3, RECENT, hours_now)
        imported = await repository.read_dedup_keys(session, 3, IMPORTED, hours_now)
    assert {hour: bytes(sorted(packed)) for hour, packed in marks.items()} == {
        THIS_HOUR - 2: b"aabbcc",
        THIS_HOUR - 1: b"abc",
        THIS_HOUR: b"aabbcc",
    }
    assert imported.keys() == {THIS_HOUR - 1}
    rows = await query(
        url, "SELECT shard, hour, count(*) AS parts FROM burnrate.mark GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert [row["parts"] for row in rows] == [3, 1, 2, 3]
