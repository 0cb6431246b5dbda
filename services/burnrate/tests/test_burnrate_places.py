"""The places of services on real servers: a flood of names, retirement, and a service again."""

import asyncio
import time
from collections.abc import Callable
from itertools import count

import pytest

from burnrate.settings import BurnrateSettings
from common.events import MetricEvent, ServiceChanged, encode
from common.kafka.headers import SENDER_HEADER
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES, CATALOG, METRICS_DEAD
from common.storage.dead_letters import KEPT_OF_A_CAUSE
from tests.support.burnrate_service import (
    SHARDS,
    TestSettings,
    applied,
    boot,
    burnrate,
    counted,
    event,
    eventually,
    producer,
    publish,
    query,
    read_topic,
    url,
)

PLACES = 40
FLOOD = 12_000
SENDER = "key/4f1d09c2ab37"


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> TestSettings:
    made = TestSettings(new_database(), fresh_topics)
    made.burnrate = BurnrateSettings(tick_seconds=0.2, max_services=PLACES)
    return made


def name_on(shard: int) -> str:
    return next(n for i in count() if shard_of(n := f"neighbour-{i}", SHARDS) == shard)


async def test_a_flood_of_names_costs_no_neighbour_a_count_or_a_moment(
    settings: TestSettings,
) -> None:
    neighbours = [name_on(shard) for shard in range(SHARDS)]
    flood: list[MetricEvent | bytes | None] = []
    for i in range(FLOOD):
        flood.append(event(f"flood-{i}", event_id=str(i)))
        if i % 100 == 0:
            flood += [event(name, event_id=f"{name}-{i}") for name in neighbours]
    sent = FLOOD // 100
    longest_seconds, done = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal longest_seconds
        while not done.is_set():
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest_seconds = max(longest_seconds, time.monotonic() - began)

    async with burnrate(settings) as service:
        await publish(boot(settings), [event(name, event_id="first") for name in neighbours])
        await eventually(lambda: applied(url(settings)), len(neighbours))
        watching = asyncio.create_task(watch())
        await publish(boot(settings), flood, headers=lambda _: [(SENDER_HEADER, SENDER.encode())])
        await eventually(lambda: applied(url(settings)), len(neighbours) + len(flood))
        assert await service.failing() == {}
        done.set()
        await watching
        await eventually(lambda: newest_totals(settings, neighbours), {100 * (sent + 1)})
    assert longest_seconds < 1.5
    found = await counted(url(settings))
    assert {name: found[name] for name in neighbours} == dict.fromkeys(
        neighbours, (100 * (sent + 1), sent + 1)
    )
    assert len(found) == PLACES
    kept = len(await read_topic(boot(settings), METRICS_DEAD.name))
    assert kept <= KEPT_OF_A_CAUSE
    sums = await query(url(settings), "SELECT code, sender, records FROM burnrate.dead_letter_sum")
    assert {(row["code"], row["sender"]) for row in sums} == {("too_many_services", SENDER)}
    refused = FLOOD - (PLACES - len(neighbours))
    assert kept + sum(row["records"] for row in sums) == refused
    rows = await query(url(settings), "SELECT DISTINCT sender FROM burnrate.service ORDER BY 1")
    assert [row["sender"] for row in rows] == ["", SENDER]


async def newest_totals(settings: TestSettings, names: list[str]) -> set[int]:
    newest = {m.get("service_name"): m for m in await read_topic(boot(settings), BURNRATES.name)}
    return {newest[name]["slos"][0]["total"] for name in names}


async def announce(settings: TestSettings, name: str, revision: int, *, retired: bool) -> None:
    change = ServiceChanged(revision, revision, name, 3, "", None, retired)
    async with producer(boot(settings)) as client:
        await client.send_and_wait(CATALOG.name, encode(change), key=f"service/{name}".encode())


async def test_a_retired_service_leaves_its_place_and_is_whole_when_it_is_created_again(
    settings: TestSettings,
) -> None:
    """Also across a restart: what has no place gets none, and what it reports goes on counting."""
    settings.burnrate = BurnrateSettings(tick_seconds=0.2, max_services=2)
    old, kept, new = (f"{which}-service" for which in ("old", "kept", "new"))
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(old, event_id="1"), event(kept, event_id="1")])
        await eventually(lambda: applied(url(settings)), 2)
        await announce(settings, old, 1, retired=True)
        await eventually(lambda: released(settings), [old])
        await publish(boot(settings), [event(new, event_id="1"), event(old, event_id="2")])
        await eventually(lambda: applied(url(settings)), 4)
        assert service._work.quota.taken == 2
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(old, event_id="3")])
        await eventually(lambda: applied(url(settings)), 5)
        assert service._work.quota.taken == 2
        await announce(settings, old, 2, retired=False)
        await eventually(lambda: released(settings), [])
        await eventually(lambda: newest_totals(settings, [old]), {300})
        await publish(boot(settings), [event(old, event_id="4")])
        await eventually(lambda: newest_totals(settings, [old]), {400})
    assert await counted(url(settings)) == {old: (400, 4), kept: (100, 1), new: (100, 1)}


async def released(settings: TestSettings) -> list[str]:
    rows = await query(url(settings), "SELECT service FROM burnrate.service WHERE released")
    return [row["service"] for row in rows]
