"""Rows in PostgreSQL, written batch by batch and loaded again, give what raw events give."""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta
from random import Random
from typing import cast

import pytest

from burnrate.domain.service_state import Moment
from burnrate.evaluation.shard_state import ShardState
from burnrate.settings import BurnrateSettings
from burnrate.storage import recovery_repository
from burnrate.work import CountingWork
from common.config.settings import DatabaseSettings
from common.events import Latency, MetricEvent, encode
from common.kafka.client import Publisher, Record
from common.kafka.topics import HISTORY, METRICS
from common.ledger.shard import Batch
from common.slo.streams import indicator_of, service_of
from common.storage.database import Database
from common.storage.outbox import Outbox
from tests.reference.records import record
from tests.reference.shard_checks import (
    THRESHOLD,
    expected,
    figures,
    snapshot_of,
    target,
    with_latency_series,
)
from tests.reference.streams import BOUNDS, START, STREAMS
from tests.support.consumer_runtime import consumer_runtime

LATENESS = timedelta(hours=24)


class Process:
    """One life of the service, with a single shard, on a database that outlives it."""

    def __init__(self, database: Database) -> None:
        self.now = START
        self._database, self._offset = database, 0
        outbox = Outbox("burnrate", database, cast("Publisher", None))
        runtime = consumer_runtime("burnrate", outbox=outbox, clock=lambda: self.now)
        self._work = CountingWork(BurnrateSettings(), runtime, LATENESS, lambda _: True)

    async def start(self) -> ShardState:
        """Load the shard and its latency series."""
        async with self._database.write() as session:
            await self._work.load(session, 0)
        state = self._work.states[0]
        for name in STREAMS:
            async with self._database.read() as session:
                rows = await recovery_repository.load_slow_counts(
                    session, name, [THRESHOLD], self.now
                )
            state.load_slow_counts(name, THRESHOLD, rows)
        return state

    async def apply(
        self, events: Iterable[MetricEvent], topic: str, import_id: str = "file"
    ) -> None:
        """Apply events as one batch that was appended at `now`."""
        async with self._database.write() as session:
            records = [self._record(event, topic, import_id) for event in events]
            apply_to_memory = await self._work.apply(session, Batch(0, "cluster", records))
        apply_to_memory()

    async def release(self, name: str) -> None:
        """Retire a service."""
        state = self._work.states[0]
        state.release(name)
        async with self._database.write() as session:
            await recovery_repository.store_released(session, 0, state.unstored)

    def _record(self, event: MetricEvent, topic: str, import_id: str) -> Record:
        self._offset += 1
        headers = (("import_id", import_id.encode()), ("import_line", str(self._offset).encode()))
        return record(
            encode(event), headers, topic=topic, appended_at=self.now, offset=self._offset
        )


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Process]:
    database = Database.connect(DatabaseSettings(DATABASE_URL=database_url), "test")
    yield Process(database)
    await database.close()


def some_events(chance: Random, now: datetime, oldest: timedelta) -> list[MetricEvent]:
    found = []
    for _ in range(60):
        age = chance.choice((chance.randint(-300, 600), chance.randint(0, 7200), 3600, 300))
        if chance.random() < 0.5:
            age = chance.randint(0, round(oldest.total_seconds()))
        bounds = chance.choice((None, *BOUNDS))
        counts = tuple(chance.randint(0, 9) for _ in range(len(bounds or ()) + 1))
        total, stream = sum(counts), chance.choice(STREAMS)
        found.append(
            MetricEvent(
                service_of(stream),
                now - timedelta(seconds=age),
                total=total,
                bad=chance.randint(0, total),
                window_seconds=chance.choice((10, 60, 151)),
                latency=bounds and Latency(bounds, counts),
                indicator=indicator_of(stream),
            )
        )
    return found


async def test_each_restart_finds_the_figures_of_all_events(process: Process) -> None:
    chance = Random(20260301)
    lasting = with_latency_series(process.now)
    seen: list[MetricEvent] = []
    for step in (0, 1, 9, 290, 3600, 86_400, 10 * 86_400, 40 * 86_400):
        process.now += timedelta(seconds=step)
        lasting = await process.start()
        for topic, oldest in ((METRICS, LATENESS), (HISTORY, timedelta(days=90))):
            events = some_events(chance, process.now, oldest)
            await process.apply(events, topic.name)
            seen += events
        correct = expected(seen, process.now)
        assert figures(lasting, process.now) == correct
        assert figures(await process.start(), process.now) == correct


async def test_a_stream_that_came_after_its_service_was_retired_has_no_place_either(
    process: Process,
) -> None:
    """Else the service, created again, would begin without what is stored of it."""
    await process.start()
    await process.apply([MetricEvent("till", process.now, total=5, bad=1)], METRICS.name)
    await process.release("till")
    late = MetricEvent("till", process.now, total=1, bad=0, indicator="late")
    await process.apply([late], METRICS.name)
    again = await process.start()
    assert again.released == {"till"}
    assert not {"till", "till/late"} & again.table.numbers.keys()
    again.assign("till", [target()])
    assert again.missing["till"].deep


async def test_sums_stop_at_the_limit_and_the_shard_goes_on(process: Process) -> None:
    most = 2**53 - 1
    latency = Latency((THRESHOLD, 1.0), (0, 0, most))
    huge = MetricEvent(STREAMS[0], process.now, total=most, bad=most, latency=latency)
    state = await process.start()
    for _ in range(2):
        await process.apply([huge] * 1100, METRICS.name)
    await process.apply([MetricEvent(STREAMS[1], process.now, total=7, bad=2)], METRICS.name)
    for found in (figures(state, process.now), figures(await process.start(), process.now)):
        assert found[STREAMS[0]].sums["30d"]["slo"] == (most, most)
        assert found[STREAMS[0]].sums["fast"]["slo"] == (most, most)
        assert found[STREAMS[1]].sums["30d"]["slo"] == (7, 2)


def numbered(numbers: Iterable[int], at: datetime) -> list[MetricEvent]:
    """Return events of 100 requests, of which as many failed as the number says, with own ids."""
    return [
        MetricEvent("cart", at, total=100, bad=n, source="file", event_id=f"e{n}") for n in numbers
    ]


async def totals(process: Process) -> tuple[int, int]:
    found = sums_of_requests(await process.start(), process.now)
    return found[0], found[1]


def sums_of_requests(state: ShardState, now: datetime) -> tuple[int, int]:
    """Return requests and bad ones of the last 90 days."""
    moment = Moment(now, 0, 1, now, lagging=False)
    slo = snapshot_of(state, "cart", [target(window_days=90)], moment).slos[0]
    return slo.total, slo.bad


@pytest.mark.parametrize("age", [timedelta(days=5), timedelta(hours=2), timedelta(hours=23)])
async def test_a_file_that_has_grown_by_a_line_counts_that_line_alone(
    process: Process, age: timedelta
) -> None:
    """However old its events are, and however old they have become meanwhile."""
    await process.start()
    at = process.now - age
    await process.apply(numbered((1, 2, 0), at), HISTORY.name, "the file's hash")
    await process.start()
    process.now += timedelta(days=4)
    grown = numbered((1, 2, 0, 3), at)
    for _ in range(2):
        await process.apply(grown, HISTORY.name, "the hash of the file that has grown")
        assert await totals(process) == (400, 6)
    await process.apply(grown[:1], HISTORY.name, "and of one with a part of it")
    assert await totals(process) == (400, 6)


async def test_what_came_live_and_then_in_a_file_counts_once_when_the_file_grows(
    process: Process,
) -> None:
    await process.start()
    at = process.now - timedelta(hours=1)
    await process.apply(numbered((1, 2), at), METRICS.name)
    await process.apply(numbered((1, 2, 3), at), HISTORY.name, "a")
    process.now += timedelta(days=10)
    await process.start()
    await process.apply(numbered((1, 2, 3, 4), at), HISTORY.name, "b")
    assert await totals(process) == (400, 10)
