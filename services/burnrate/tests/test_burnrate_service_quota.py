"""How many services a process holds: new ones beyond it are refused, those it has go on."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from burnrate.domain.objectives import Target
from burnrate.domain.series_index import Origin, SeriesIndex
from burnrate.domain.service_state import Moment, ServiceQuota
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.columns import Counted
from burnrate.settings import AllSettings, BurnrateSettings
from burnrate.work import CountingWork
from common.config.clock import to_micros
from common.counts.layout import bucket_of
from common.events import IngestCounters, MetricEvent, ServiceChanged, encode
from common.kafka.headers import SENDER_HEADER
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES, CATALOG, METRICS_DEAD
from common.slo.vocabulary import SliType
from common.slo.windows import HOUR
from common.storage.dead_letters import KEPT_OF_A_CAUSE
from tests.reference.shard_checks import snapshot_of
from tests.reference.streams import START
from tests.reference.sums import delta_of
from tests.support.burnrate_service import (
    SHARDS,
    applied,
    boot,
    burnrate,
    burnrate_settings,
    counted,
    event,
    eventually,
    producer,
    publish,
    query,
    read_topic,
    url,
)
from tests.support.consumer_runtime import consumer_runtime

TARGET = Target("main", SliType.AVAILABILITY, Decimal("0.99"), 30, id=1)


def count(state: ShardState, *names: str, total: int = 1) -> None:
    events = [MetricEvent(name, START, total=total, bad=0) for name in names]
    state.apply(delta_of(Counted(event, START) for event in events), START)


def test_those_that_are_there_have_room_and_new_ones_as_long_as_it_lasts() -> None:
    state = ShardState(START, ServiceQuota(3))
    count(state, "a", "b")
    assert state.table.reserve(["c", "a", "d", "c", "e"]) == ["d", "e"]
    count(state, "c")
    assert state.table.reserve(["a", "b", "c"]) == []
    assert state.table.reserve(["d"]) == ["d"]


def test_all_shards_of_a_process_share_the_room_and_give_it_back() -> None:
    room = ServiceQuota(3)
    one, other = ShardState(START, room), ShardState(START, room)
    count(one, "a", "b")
    assert other.table.reserve(["c", "d"]) == one.table.reserve(["a", "d"]) == ["d"]
    one.table.release()
    assert other.table.reserve(["d", "e", "f"]) == ["f"]
    other.table.release()
    assert room.taken == 0


def test_a_reserved_place_is_taken_once() -> None:
    state = ShardState(START, room := ServiceQuota(2))
    assert state.table.reserve(["a"]) == []
    assert state.table.reserve(["a"]) == []
    count(state, "a")
    assert room.taken == 1


def test_services_beyond_the_room_are_kept_where_they_are_stored_already() -> None:
    """A smaller limit refuses what is new; it does not forget."""
    state = ShardState(START, ServiceQuota(1))
    count(state, "a", "b")
    assert state.table.reserve(["a", "b", "c"]) == ["c"]


def test_a_released_shard_leaves_its_room() -> None:
    runtime = consumer_runtime("burnrate", clock=lambda: START)
    settings = BurnrateSettings(max_services=2)
    work = CountingWork(settings, runtime, timedelta(hours=24))
    work.states[0] = ShardState(START, work.quota)
    count(work.states[0], "a", "b")
    assert work.quota.taken == 2
    work.release(0)
    work.release(0)
    assert work.quota.taken == 0


def test_a_retired_service_gives_its_place_back_at_once_and_its_events_take_none() -> None:
    state = ShardState(START, room := ServiceQuota(2))
    count(state, "a", "b")
    assert state.table.reserve(["c"]) == ["c"]
    state.release("a")
    state.release("a")
    assert (room.taken, state.released, state.unstored) == (1, {"a"}, {"a": True})
    count(state, "a", "b")
    assert room.taken == 1
    assert state.table.reserve(["c", "d"]) == ["d"]


def total_of(state: ShardState, name: str) -> int:
    moment = Moment(START, 0, 1, START, lagging=False)
    return snapshot_of(state, name, [TARGET], moment).slos[0].total


def test_who_takes_a_place_that_was_given_back_begins_from_nothing() -> None:
    state = ShardState(START)
    count(state, "gone", total=1000)
    count(state, "other", total=7)
    assert total_of(state, "gone") == 1000
    state.release("gone")
    count(state, "new", total=3)
    assert (total_of(state, "new"), total_of(state, "other")) == (3, 7)
    assert state.table.counters[state.table.numbers["new"]].tolist() == [0, 0, 0, 0]
    assert "gone" not in state.table.numbers
    assert len(state.table) == 2


def test_the_row_of_a_service_that_left_is_as_new() -> None:
    used, fresh = ShardState(START), ShardState(START)
    count(used, "gone", total=1000)
    used.table.count_up({"gone": IngestCounters(duplicates=3)})
    used.release("gone")
    count(fresh, "other")
    for name, array in vars(used.table).items():
        if isinstance(array, np.ndarray) and name != "_touched":
            assert np.array_equal(array[0], vars(fresh.table)[name][1]), name
    for name, array in vars(used.table.reported).items():
        if isinstance(array, np.ndarray):
            assert not array[:, 0].any(), name


def test_a_service_that_is_created_again_waits_for_what_is_stored_of_it() -> None:
    state = ShardState(START)
    count(state, "a", total=5)
    state.assign("a", [TARGET])
    state.release("a")
    count(state, "a", total=6)  # goes to the database alone
    state.assign("a", [TARGET])
    assert state.unstored == {"a": False}
    assert state.missing["a"].deep
    assert not state.slots.of_service
    state.deepen("a")
    stored = np.array([[[11, 0, 10]]])
    state.load_blocks(HOUR, ["a"], np.array([bucket_of(to_micros(START), HOUR)]), stored)
    assert total_of(state, "a") == 11
    assert state.missing == {}


def test_a_flood_of_new_names_costs_the_same_for_each_name() -> None:
    """Each one beyond the quota was compared with all that had come since the start."""

    def seconds(held: int) -> float:
        state = ShardState(START, ServiceQuota(held))
        series = SeriesIndex((), state.table.reserve)
        series.admit({f"held-{i}": Origin() for i in range(held)})
        assert len(series) == held
        began = time.process_time()
        for i in range(2_000):
            series.admit({f"refused-{i}": Origin()})
        assert len(series) == held
        return time.process_time() - began

    assert seconds(10_000) < 20 * seconds(100) + 0.05


PLACES = 40
FLOOD = 12_000
SENDER = "key/4f1d09c2ab37"


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    made = burnrate_settings(new_database(), fresh_topics)
    made.burnrate = BurnrateSettings(tick_seconds=0.2, max_services=PLACES)
    return made


def name_on(shard: int) -> str:
    return next(n for i in range(1_000) if shard_of(n := f"neighbour-{i}", SHARDS) == shard)


async def test_a_flood_of_names_costs_no_neighbour_a_count(
    settings: AllSettings,
) -> None:
    neighbours = [name_on(shard) for shard in range(SHARDS)]
    flood: list[MetricEvent | bytes | None] = []
    for i in range(FLOOD):
        flood.append(event(f"flood-{i}", event_id=str(i)))
        if i % 100 == 0:
            flood += [event(name, event_id=f"{name}-{i}") for name in neighbours]
    sent = FLOOD // 100
    async with burnrate(settings) as service:
        await publish(boot(settings), [event(name, event_id="first") for name in neighbours])
        await eventually(lambda: applied(url(settings)), len(neighbours))
        await publish(boot(settings), flood, headers=lambda _: [(SENDER_HEADER, SENDER.encode())])
        await eventually(lambda: applied(url(settings)), len(neighbours) + len(flood))
        assert await service.failing() == {}
        await eventually(lambda: newest_totals(settings, neighbours), {100 * (sent + 1)})
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


async def newest_totals(settings: AllSettings, names: list[str]) -> set[int]:
    newest = {m.get("service_name"): m for m in await read_topic(boot(settings), BURNRATES.name)}
    return {newest[name]["slos"][0]["total"] if name in newest else 0 for name in names}


async def announce(settings: AllSettings, name: str, revision: int, *, retired: bool) -> None:
    change = ServiceChanged(revision, revision, name, 3, "", None, retired)
    async with producer(boot(settings)) as client:
        await client.send_and_wait(CATALOG.name, encode(change), key=f"service/{name}".encode())


async def test_a_retired_service_leaves_its_place_and_is_whole_when_it_is_created_again(
    settings: AllSettings,
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


async def released(settings: AllSettings) -> list[str]:
    rows = await query(url(settings), "SELECT service FROM burnrate.service WHERE released")
    return [row["service"] for row in rows]
