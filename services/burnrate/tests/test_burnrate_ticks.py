"""What a tick publishes: what has changed, a sign of life, and answers to commands."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from common.counts.layout import SlowCount
from common.events import MetricEvent
from common.kafka.client import UnknownOutcomeError
from common.slo.vocabulary import DataStatus, SliType
from common.slo.windows import HOUR
from tests.reference.evaluator import SHARDS, BurnrateProcess, declared, name_in, target_changed
from tests.reference.streams import START

A, B, OTHER = name_in(0, 0), name_in(0, 1), name_in(1)


def event(name: str = A, total: int = 10, bad: int = 0, window_seconds: int = 10) -> MetricEvent:
    return MetricEvent(name, START, total=total, bad=bad, window_seconds=window_seconds)


@pytest.fixture
def process() -> BurnrateProcess:
    """Own both shards; two services in one of them, a third in the other."""
    found = BurnrateProcess()
    for shard in range(SHARDS):
        found.acquire(shard)
    found.count(event(A), event(B), event(OTHER))
    return found


async def test_the_first_tick_publishes_everything_and_a_heartbeat(
    process: BurnrateProcess,
) -> None:
    told = await process.tick()
    assert set(told.snapshots) == set(process.rows.stored) == {A, B, OTHER}
    assert {shard: beat.services for shard, beat in told.heartbeats.items()} == {0: 2, 1: 1}
    for message, key, shard in told.sent:
        name = getattr(message, "service_name", None)
        assert key == (name.encode() if name else f"shard/{shard}".encode())
        assert message.shard == shard
    own = told.snapshots[A]
    assert (own.epoch, own.evaluated_at, own.applied_through) == (1, process.now, process.now)
    assert (own.data_status, own.slos[0].default, own.command_id) == (DataStatus.OK, True, None)


async def test_what_has_not_changed_is_not_published_again(process: BurnrateProcess) -> None:
    await process.tick()
    process.rows.stored.clear()
    assert (await process.tick()).sent == []
    assert process.rows.stored == []


def quarter_of_an_hour_ago() -> MetricEvent:
    at = START - timedelta(minutes=15)
    return MetricEvent(A, at, total=0, bad=0, window_seconds=300)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.count(event(total=1)),
        lambda w: w.count(quarter_of_an_hour_ago()),
        lambda w: w.count(MetricEvent(A, START + timedelta(seconds=1), total=0, bad=0)),
        lambda w: w.count(MetricEvent(A, START - timedelta(days=20), total=1, bad=0)),
        lambda w: w.catalog.apply(target_changed(A, 1)),
    ],
)
async def test_a_change_is_published_once_and_alone(
    process: BurnrateProcess, change: Callable[[BurnrateProcess], None]
) -> None:
    await process.tick()
    change(process)
    told = await process.tick()
    assert set(told.snapshots) == {A}
    assert not told.heartbeats
    assert (await process.tick()).sent == []


async def test_time_alone_changes_figures_when_a_bucket_leaves(process: BurnrateProcess) -> None:
    await process.tick()
    left = [seconds for seconds in range(2, 330) if A in (await process.tick()).snapshots]
    # at START + 291 s the bucket that ends at START leaves the five minutes; stale after 300 s
    assert left == [291, 301]


async def test_heartbeats_go_out_every_ten_seconds(process: BurnrateProcess) -> None:
    beats = [seconds for seconds in range(1, 35) if (await process.tick()).heartbeats]
    assert beats == [1, 11, 21, 31]


async def test_lagging_begins_after_fifteen_seconds_and_ends_with_it(
    process: BurnrateProcess,
) -> None:
    applied = process.now
    await process.tick()

    async def status(lag: timedelta) -> DataStatus | None:
        process.now = applied + lag
        process.applied_until(applied)
        await process.evaluator.tick()
        own = process.published().snapshots.get(A)
        return own.data_status if own else None

    assert await status(timedelta(seconds=15)) is None
    assert await status(timedelta(seconds=15, microseconds=1)) is DataStatus.LAGGING
    assert await status(timedelta(seconds=20)) is None
    assert (await process.tick()).snapshots[A].data_status is DataStatus.OK


async def test_one_topic_that_is_behind_makes_the_shard_lag(process: BurnrateProcess) -> None:
    process.ledger.owned[0].applied_through["history"] = START - timedelta(seconds=16)
    await process.evaluator.tick()
    told = process.published().snapshots
    assert told[A].data_status is told[B].data_status is DataStatus.LAGGING
    assert told[A].applied_through == START - timedelta(seconds=16)
    assert told[OTHER].data_status is DataStatus.OK


async def test_a_command_publishes_all_snapshots_and_then_each_heartbeat(
    process: BurnrateProcess,
) -> None:
    await process.tick()
    told = await process.compute("cmd")
    assert {name: s.command_id for name, s in told.snapshots.items()} == dict.fromkeys(
        (A, B, OTHER), "cmd"
    )
    assert {shard: b.command_id for shard, b in told.heartbeats.items()} == {0: "cmd", 1: "cmd"}
    for shard in range(SHARDS):
        own = [message for message, _, where in told.sent if where == shard]
        assert own[-1] == told.heartbeats[shard]
    assert (await process.tick()).sent == []


async def test_a_command_for_one_service_concerns_its_shard_alone(process: BurnrateProcess) -> None:
    await process.tick()
    told = await process.compute("cmd", OTHER)
    assert set(told.snapshots) == {OTHER}
    assert set(told.heartbeats) == {1}
    assert told.snapshots[OTHER].command_id == told.heartbeats[1].command_id == "cmd"


async def test_what_changed_by_chance_is_no_answer_to_a_command(process: BurnrateProcess) -> None:
    await process.tick()
    process.count(event(B))
    told = await process.compute("cmd", A)
    assert {name: s.command_id for name, s in told.snapshots.items()} == {A: "cmd", B: None}
    assert told.snapshots[B].slos[0].total == 20
    assert (await process.tick()).sent == []


@pytest.mark.parametrize("unknown", [name_in(0, 7), name_in(1, 7)])
async def test_a_command_for_an_unknown_service_is_answered_by_the_heartbeat(
    process: BurnrateProcess, unknown: str
) -> None:
    await process.tick()
    told = await process.compute("cmd", unknown)
    assert not told.snapshots
    assert [b.command_id for b in told.heartbeats.values()] == ["cmd"]


async def test_only_owned_shards_answer(process: BurnrateProcess) -> None:
    await process.tick()
    process.release(0)
    assert set((await process.compute("cmd")).snapshots) == {OTHER}
    assert (await process.compute("cmd", A)).sent == []


async def test_under_a_new_epoch_everything_is_published_again(process: BurnrateProcess) -> None:
    await process.tick()
    state = process.work.states[0]
    process.release(0)
    assert (await process.tick()).sent == []
    process.acquire(0, epoch=2, state=state)
    told = await process.tick()
    assert {name: s.epoch for name, s in told.snapshots.items()} == {A: 2, B: 2}
    assert {shard: b.epoch for shard, b in told.heartbeats.items()} == {0: 2}


@pytest.mark.parametrize("place", ["broker", "rows"])
async def test_what_could_not_be_published_goes_out_at_the_next_tick(
    process: BurnrateProcess, place: str
) -> None:
    await process.tick()
    process.count(event(A, total=5, bad=5))
    failing = getattr(process, place)
    failing.failing = True
    for _ in range(2):
        with pytest.raises((UnknownOutcomeError, OSError)):
            await process.tick()
    process.published()
    failing.failing = False
    process.rows.stored.clear()
    told = await process.tick()
    assert told.snapshots[A].slos[0].bad == 5
    assert process.rows.stored == [A]
    assert (await process.tick()).sent == []


async def test_a_failed_heartbeat_is_sent_at_the_next_tick(process: BurnrateProcess) -> None:
    await process.tick()
    process.broker.failing = True
    with pytest.raises(UnknownOutcomeError):
        await process.tick(10)
    process.broker.failing = False
    assert set((await process.tick()).heartbeats) == {0, 1}


async def test_retired_services_are_not_shown_and_hold_no_place(process: BurnrateProcess) -> None:
    await process.tick()
    names = process.work.states[0].table.numbers
    assert A in names
    process.catalog.apply(declared(A, revision=1, retired=True))
    process.count(event(A))
    assert (await process.tick()).sent == []
    assert A not in (await process.compute("cmd")).snapshots
    assert A not in names
    process.catalog.apply(declared(A, revision=2))
    assert A in (await process.tick()).snapshots


async def test_a_declared_service_without_data_is_published_by_its_shard_once() -> None:
    process = BurnrateProcess()
    process.acquire(0)
    process.acquire(1)
    process.catalog.apply(declared(A))
    told = await process.tick()
    assert [(m.shard, s) for m, _, s in told.sent if m in told.snapshots.values()] == [(0, 0)]
    own = told.snapshots[A]
    assert (own.data_status, own.newest_at, own.burn_rate_5m) == (DataStatus.NO_DATA, None, 0)


async def test_a_new_latency_target_reads_its_history_and_then_shows(
    process: BurnrateProcess,
) -> None:
    await process.tick()
    process.rows.found = [[slow_hour(0.1, 10, 4)]]
    slow = {"sli_type": SliType.LATENCY, "objective": "0.9", "threshold_seconds": 0.1}
    process.catalog.apply(target_changed(A, 1, **slow))
    [found] = (await process.tick()).snapshots[A].slos
    assert (found.total, found.bad, found.coverage_ratio) == (10, 4, 1 / 720)
    process.rows.found = [[slow_hour(0.5, 10, 1)]]
    changed = {**slow, "threshold_seconds": 0.5, "revision": 2}
    process.catalog.apply(target_changed(A, 1, **changed))
    [found] = (await process.tick()).snapshots[A].slos
    assert (found.total, found.bad, found.threshold_seconds) == (10, 1, 0.5)
    assert (await process.tick()).sent == []
    assert not process.rows.found


def slow_hour(threshold: float, total: int, bad: int, hours_ago: int = 0) -> SlowCount:
    """Return an hourly row of A's requests against a latency threshold."""
    ended = round(START.timestamp()) // HOUR * HOUR - hours_ago * HOUR
    return SlowCount(A, threshold, HOUR, ended, total, bad)


def stored(*hours_ago: int) -> list[tuple[int, bytes]]:
    """Return hourly rows of 100 requests, one of them bad, as the database has them."""
    hour = round(START.timestamp()) // 3600
    row = np.array([100, 1, 10], "<i8").tobytes()
    return [((hour - ago) * HOUR, row) for ago in sorted(hours_ago, reverse=True)]


async def test_a_target_of_90_days_reads_all_history_and_then_shows(
    process: BurnrateProcess,
) -> None:
    await process.tick()
    process.rows.found = [[], [], stored(0, 24 * 40, 24 * 89)]
    process.catalog.apply(target_changed(A, 1, window_days=90))
    process.catalog.apply(target_changed(A, 2, window_days=30))
    long, short = (await process.tick()).snapshots[A].slos
    assert (long.window_days, long.total, long.bad) == (90, 300, 3)
    assert (short.window_days, short.total, short.bad) == (30, 100, 1)
    assert (await process.tick()).sent == []
    # events are counted in the longer series, and others take the place of the old one
    process.count(event(A, total=5), event(name_in(0, 5), total=7))
    told = (await process.tick()).snapshots
    assert [slo.total for slo in told[A].slos] == [305, 105]
    assert told[name_in(0, 5)].slos[0].total == 7
    assert not process.rows.found


async def test_a_latency_target_of_90_days_reads_requests_and_histograms(
    process: BurnrateProcess,
) -> None:
    await process.tick()
    old = slow_hour(0.1, 100, 50, hours_ago=24 * 80)._replace(uncertain=20)
    timed = [slow_hour(0.1, 10, 4), old]
    process.rows.found = [[], [], stored(0, 24 * 80), timed]
    slow = {"sli_type": SliType.LATENCY, "objective": "0.9", "threshold_seconds": 0.1}
    process.catalog.apply(target_changed(A, 1, window_days=90, **slow))
    [found] = (await process.tick()).snapshots[A].slos
    assert (found.total, found.bad, found.uncertain) == (110, 54, 20)
    assert found.coverage_ratio == pytest.approx(90 / 200 * 2 / 2160)
    assert found.error_budget_remaining_most == 1 - 34 / 11


async def test_history_that_cannot_be_read_is_asked_for_again(process: BurnrateProcess) -> None:
    await process.tick()
    process.catalog.apply(target_changed(A, 1, window_days=90))
    process.rows.unreadable = True
    for _ in range(2):
        with pytest.raises(OSError, match="refused"):
            await process.tick()
    process.rows.unreadable = False
    process.rows.found = [[], [], stored(24 * 40)]
    [found] = (await process.tick()).snapshots[A].slos
    assert (found.window_days, found.total) == (90, 100)
