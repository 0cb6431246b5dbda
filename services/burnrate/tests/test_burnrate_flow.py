"""From records on Kafka to counts in PostgreSQL and snapshots, on real servers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from burnrate.settings import AllSettings
from common.events import BurnRateSnapshot, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES, HISTORY, METRICS_DEAD
from tests.support.burnrate_service import (
    SHARDS,
    applied,
    boot,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
    publish,
    query,
    read_topic,
    url,
)


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return burnrate_settings(new_database(), fresh_topics)


async def test_repeats_count_once_also_across_a_restart(settings: AllSettings) -> None:
    events = [event(total=10 + i, bad=1, event_id=str(i)) for i in range(50)]
    async with burnrate(settings):
        await publish(boot(settings), events + events)
        await eventually(lambda: applied(url(settings)), 100)
    async with burnrate(settings):
        await publish(boot(settings), events)
        await eventually(lambda: applied(url(settings)), 150)
    expected = sum(10 + i for i in range(50))
    for resolution in (10, 60, 3600):
        assert await counted(url(settings), resolution) == {"checkout": (expected, 50)}
    [row] = await query(
        url(settings), "SELECT duplicates, event_id_conflicts FROM burnrate.service"
    )
    assert tuple(row) == (100, 0)


async def test_the_first_content_of_an_identity_counts(settings: AllSettings) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    versions = [event(total=n, bad=0, event_id="one", timestamp=at) for n in (10, 20, 10)]
    async with burnrate(settings):
        await publish(boot(settings), versions[:2])
        await eventually(lambda: applied(url(settings)), 2)
        await publish(boot(settings), versions[1:])
        await eventually(lambda: applied(url(settings)), 4)
    assert await counted(url(settings)) == {"checkout": (10, 0)}
    [row] = await query(
        url(settings), "SELECT duplicates, event_id_conflicts FROM burnrate.service"
    )
    assert tuple(row) == (3, 2)


async def test_poison_is_dead_lettered_and_costs_nothing_good(settings: AllSettings) -> None:
    old = event(timestamp=datetime.now(UTC) - timedelta(hours=25))
    poison: list[bytes | None] = [None, b"", b"\xff\xfe", b"null", b'{"service":"a"}', encode(old)]
    home = shard_of("checkout", SHARDS)
    bad_headers = [("correlation_id", b"\xff"), ("x", None)]
    async with burnrate(settings):
        await publish(
            boot(settings),
            [event(event_id="a"), *poison, event(event_id="b")],
            partition=home,
            headers=lambda _: [*bad_headers],
        )
        await eventually(lambda: applied(url(settings)), 8)
        await eventually(lambda: outbox_size(settings), 0)
    assert await counted(url(settings)) == {"checkout": (200, 2)}
    letters = await read_topic(boot(settings), METRICS_DEAD.name)
    assert [letter["code"] for letter in letters] == [
        "null_value",
        "invalid_json",
        "invalid_utf8",
        "invalid_type",
        "missing_field",
        "timestamp_too_old",
    ]
    assert [letter["offset"] for letter in letters] == [1, 2, 3, 4, 5, 6]


async def test_misrouted_records_reach_their_shard_once(settings: AllSettings) -> None:
    wrong = (shard_of("checkout", SHARDS) + 1) % SHARDS
    named = [event(total=5, bad=1, event_id=str(i)) for i in range(20)]
    anonymous = [event(total=7, bad=0, source="") for _ in range(20)]
    async with burnrate(settings):
        await publish(boot(settings), [*named, *named, *anonymous], partition=wrong)
        await eventually(lambda: applied(url(settings)), 120)
    assert await counted(url(settings)) == {"checkout": (5 * 20 + 7 * 20, 20)}
    [row] = await query(url(settings), "SELECT misrouted, unidentified FROM burnrate.service")
    assert tuple(row) == (40, 20)


async def test_an_import_repeated_or_resumed_changes_nothing(settings: AllSettings) -> None:
    start = datetime.now(UTC) - timedelta(days=20)
    lines = [event(total=10, bad=1, timestamp=start + timedelta(hours=i)) for i in range(300)]

    async def send(part: int, import_id: str = "file") -> None:
        await publish(
            boot(settings),
            lines[:part],
            topic=HISTORY.name,
            headers=lambda n: [("import_id", import_id.encode()), ("import_line", str(n).encode())],
        )

    async with burnrate(settings):
        await send(100)
        await eventually(lambda: applied(url(settings)), 100)
        await send(299)
        await eventually(lambda: applied(url(settings)), 399)
        await send(300, "the file with a line more")
        await eventually(lambda: applied(url(settings)), 699)
    assert await counted(url(settings)) == {"checkout": (3000, 300)}


async def test_snapshots_and_reload_agree(settings: AllSettings) -> None:
    now = datetime.now(UTC)
    events = [
        event(total=100, bad=i % 3, event_id=str(i), timestamp=now - timedelta(seconds=60 * i))
        for i in range(200)
    ]
    async with burnrate(settings):
        await publish(boot(settings), events)
        await eventually(lambda: total_in_snapshot(settings), (20_000, 199))
        before = await snapshot(settings)
    async with burnrate(settings):
        await eventually(lambda: epoch(settings), before.epoch + 1)
        after = await snapshot(settings)
    assert before.slos[0].default
    assert before.data_status == "ok"
    assert (after.slos[0].total, after.slos[0].bad) == (20_000, 199)
    messages = await read_topic(boot(settings), BURNRATES.name)
    assert {m["type"] for m in messages} == {"burn_rate_snapshot", "shard_heartbeat"}


async def outbox_size(settings: AllSettings) -> int:
    [row] = await query(url(settings), "SELECT count(*) AS waiting FROM burnrate.outbox")
    waiting: int = row["waiting"]
    return waiting


async def snapshot(settings: AllSettings) -> BurnRateSnapshot:
    [row] = await query(url(settings), "SELECT payload FROM burnrate.snapshot")
    return msgspec.json.decode(row["payload"], type=BurnRateSnapshot)


async def total_in_snapshot(settings: AllSettings) -> tuple[int, int] | None:
    if not await query(url(settings), "SELECT 1 FROM burnrate.snapshot"):
        return None
    slo = (await snapshot(settings)).slos[0]
    return slo.total, slo.bad


async def epoch(settings: AllSettings) -> int:
    return (await snapshot(settings)).epoch
