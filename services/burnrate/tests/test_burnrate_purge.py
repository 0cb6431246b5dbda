"""What is no longer kept goes, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from burnrate import recovery_repository, repository
from burnrate.recovery_repository import KEPT
from burnrate.tally import Count
from common.admission import Identity
from common.database import Database
from common.events import IngestCounters
from common.settings import DatabaseSettings
from tests.burnrate_service import query

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    return new_database()


async def test_counts_and_marks_go_at_their_age(url: str) -> None:
    database = Database.connect(DatabaseSettings(DATABASE_URL=url), "test")
    try:
        async with database.write() as session:
            await repository.update_services(session, 3, {"a": NOW}, {"a": IngestCounters()})
            await repository.update_services(session, 2, {"other": NOW}, {})
            edges = {
                (resolution, name, int((NOW - kept).timestamp()) // resolution + newer): Count(1)
                for resolution, kept in KEPT.items()
                for name in ("a", "other")
                for newer in (0, 1)
            }
            await repository.add_counts(session, edges)
            marks = {
                bytes([hour] * 16): (Identity(bytes([hour] * 16), bytes(8)), at)
                for hour, at in enumerate((NOW - timedelta(hours=2), NOW - timedelta(hours=1)))
            }
            await repository.add_marks(session, 3, marks)
        async with database.write() as session:
            await recovery_repository.purge(session, [3], NOW)
            await recovery_repository.purge_marks(session, 3, NOW - SECOND)
        left = await query(url, "SELECT service, count(*) AS rows FROM burnrate.count GROUP BY 1")
        assert {row["service"]: row["rows"] for row in left} == {"a": 3, "other": 6}
        [mark] = await query(url, "SELECT identity FROM burnrate.mark")
        assert bytes(mark["identity"]) == bytes([1] * 16)
    finally:
        await database.close()
