"""The outbox on PostgreSQL: nothing lost, in order, the same key in every repeat."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from common.config.settings import DatabaseSettings, Settings
from common.kafka.client import Headers, UnknownOutcomeError
from common.observability.logging import correlated
from common.service.app import build_app
from common.storage.database import Database
from common.storage.outbox import DEDUP_HEADER, Outbox, OutboxRecord
from tests.support.waiting import until

Sent = tuple[str, bytes | None, bytes | None, int | None, Headers]
SCHEMA = "catalog"


class FakePublisher:
    """Keeps what it is given; `failures` are raised first, before or after a call is kept."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.failures: list[tuple[Exception, bool]] = []
        self.delay_seconds = 0.0
        self.busy = 0

    async def send_all(self, records: Sequence[Sent]) -> None:
        self.busy += 1
        assert self.busy == 1, "two relays publish at the same time"
        try:
            failure, written = self.failures.pop(0) if self.failures else (None, True)
            for sent in records:
                await asyncio.sleep(self.delay_seconds)
                if written:
                    self.sent.append(sent)
            if failure:
                raise failure
        finally:
            self.busy -= 1

    def keys(self) -> list[str]:
        return [dict(headers)[DEDUP_HEADER].decode() for *_, headers in self.sent]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Database]:
    database = Database.connect(DatabaseSettings(DATABASE_URL=url), "test")
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with connected(postgres_url) as database:
        async with database.write() as session:
            await session.execute(text(f"TRUNCATE {SCHEMA}.outbox"))
        yield database


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def outbox(database: Database, publisher: FakePublisher) -> Outbox:
    return Outbox(SCHEMA, database, publisher)


def record(number: int, **fields: Any) -> OutboxRecord:
    given = {"topic": "t", "key": b"k", "value": str(number).encode(), **fields}
    return OutboxRecord(f"key-{number}", **given)


async def add(outbox: Outbox, database: Database, *records: OutboxRecord) -> None:
    async with database.write() as session:
        await outbox.add(session, records)


async def waiting(database: Database) -> list[str]:
    async with database.read() as session:
        statement = text(f"SELECT dedup_key FROM {SCHEMA}.outbox ORDER BY id")
        return list((await session.execute(statement)).scalars())


@asynccontextmanager
async def running(*outboxes: Outbox) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(outbox.run(idle_seconds=0.02)) for outbox in outboxes]
    try:
        yield
        assert not [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_empty(database: Database) -> None:
    async def is_empty() -> bool:
        return not await waiting(database)

    await until(is_empty)


async def test_a_record_goes_out_as_it_was_written(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    full = record(1, topic="a", partition=3, headers={"code": "ü"})
    await add(outbox, database, full, record(2, key=None, value=None))
    async with running(outbox):
        await until_empty(database)
    assert publisher.sent == [
        ("a", b"1", b"k", 3, [(DEDUP_HEADER, b"key-1"), ("code", "ü".encode())]),
        ("t", None, None, None, [(DEDUP_HEADER, b"key-2")]),
    ]


async def test_more_than_a_batch_keeps_its_order(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    for start in range(0, 1_200, 400):
        await add(outbox, database, *(record(n) for n in range(start, start + 400)))
    async with running(outbox):
        await until_empty(database)
    assert publisher.keys() == [f"key-{n}" for n in range(1_200)]


async def test_what_is_rolled_back_is_not_sent(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    async def add_and_fail() -> None:
        async with database.write() as session:
            await outbox.add(session, [record(1)])
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await add_and_fail()
    await add(outbox, database, record(2))
    async with running(outbox):
        await until_empty(database)
    assert publisher.keys() == ["key-2"]


async def test_the_same_key_waits_once(database: Database, outbox: Outbox) -> None:
    await add(outbox, database, record(1))
    await add(outbox, database, record(1), record(2), record(2))
    assert await waiting(database) == ["key-1", "key-2"]


async def test_nothing_to_add_is_nothing(database: Database, outbox: Outbox) -> None:
    await add(outbox, database)
    assert await waiting(database) == []


@pytest.mark.parametrize("written", [True, False])
async def test_an_unknown_outcome_is_sent_again_with_the_same_key(
    database: Database, publisher: FakePublisher, outbox: Outbox, *, written: bool
) -> None:
    await add(outbox, database, record(1), record(2))
    publisher.failures = [(UnknownOutcomeError("no answer"), written)] * 2
    async with running(outbox):
        await until_empty(database)
    assert publisher.keys() == ["key-1", "key-2"] * (3 if written else 1)


async def test_a_record_stays_until_it_is_acknowledged(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    await add(outbox, database, record(1))
    publisher.failures = [(UnknownOutcomeError("no answer"), True)]
    with pytest.raises(UnknownOutcomeError):
        await outbox._relay()
    assert await waiting(database) == ["key-1"]
    await outbox._relay()
    assert await waiting(database) == []


async def test_the_relay_outlives_any_error(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    publisher.failures = [(AssertionError("no such partition"), False), (KeyError("x"), False)]
    await add(outbox, database, record(1))
    async with running(outbox):
        await until_empty(database)
    assert publisher.keys() == ["key-1"]


async def test_waking_publishes_at_once(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    task = asyncio.create_task(outbox.run(idle_seconds=60))
    try:
        await asyncio.sleep(0.1)
        await add(outbox, database, record(1))
        outbox.wake()
        await until(lambda: publisher.keys() == ["key-1"])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_relays_never_interleave(
    database: Database, postgres_url: str, publisher: FakePublisher, outbox: Outbox
) -> None:
    publisher.delay_seconds = 0.001
    async with connected(postgres_url) as other_database:
        other = Outbox(SCHEMA, other_database, publisher)
        async with running(outbox, other):
            for start in range(0, 300, 30):
                await add(outbox, database, *(record(n) for n in range(start, start + 30)))
                outbox.wake()
                other.wake()
                await asyncio.sleep(0.01)
            await until_empty(database)
    assert publisher.keys() == [f"key-{n}" for n in range(300)]


async def test_two_schemas_do_not_hinder_each_other(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    await add(outbox, database, record(1))
    other = Outbox("burnrate", database, FakePublisher())
    async with database.write() as session:
        assert (await session.execute(other._lock, other._lock_name)).scalar_one()
        await outbox._relay()
    assert publisher.keys() == ["key-1"]


async def test_the_correlation_id_goes_along(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    with correlated("request-7"):
        await add(
            outbox,
            database,
            record(1),
            record(2, headers={"correlation_id": "of the record"}),
        )
    await add(outbox, database, record(3))
    async with running(outbox):
        await until_empty(database)
    found = [dict(headers).get("correlation_id") for *_, headers in publisher.sent]
    assert found == [b"request-7", b"of the record", None]


async def test_the_id_of_a_request_reaches_the_record_of_its_change(
    database: Database, publisher: FakePublisher, outbox: Outbox
) -> None:
    app = build_app(
        "Test",
        Settings(api_token=SecretStr("t")),
        lifespan=lambda _: nullcontext(),
        readiness=nothing_fails,
    )

    @app.post("/changes")
    async def change() -> None:
        await add(outbox, database, record(1))
        outbox.wake()

    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": "Bearer t", "X-Request-ID": "request-8"}
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        running(outbox),
    ):
        assert (await client.post("/changes", headers=headers)).is_success
        await until_empty(database)
    ((*_, sent_headers),) = publisher.sent
    assert dict(sent_headers)["correlation_id"] == b"request-8"


async def nothing_fails() -> dict[str, str]:
    return {}


async def test_a_relay_that_has_failed_leaves_the_lock_to_others_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that does not answer takes longer to fail than the pause between two looks."""
    outbox = Outbox(SCHEMA, cast("Database", None), FakePublisher())
    begun: list[float] = []
    ended: list[float] = []

    async def relay() -> bool:
        begun.append(time.monotonic())
        await asyncio.sleep(0.06)
        ended.append(time.monotonic())
        raise UnknownOutcomeError("no broker")

    monkeypatch.setattr(outbox, "_relay", relay)
    running = asyncio.create_task(outbox.run(idle_seconds=0.05))
    await until(lambda: len(ended) == 3)
    running.cancel()
    pauses = [later - earlier for later, earlier in zip(begun[1:], ended, strict=False)]
    assert all(pause >= 0.045 for pause in pauses), pauses
