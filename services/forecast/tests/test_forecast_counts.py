"""Counts held in memory against the buckets they were made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.arrays import Ints
from common.config.clock import to_micros
from common.counts.layout import SlowCount, Span, bucket_of
from common.events import BurnRateSnapshot, WindowRate
from common.slo.windows import HOUR, MINUTE
from forecast.domain.forecast import DAY_MINUTES, LOOK_BACK_HOURS
from forecast.domain.shard_counts import KEPT_MINUTES, ShardCounts, Timeline
from tests.support.burn_events import slo_status, snapshot

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
REREAD = timedelta(seconds=300)


def block(*rows: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(rows, np.int64)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=40), st.integers(0, 30))
def test_a_timeline_holds_its_newest_buckets(puts: list[tuple[int, int]], length: int) -> None:
    line, kept = Timeline(8, 2, 5), {}
    for bucket, n in puts:
        if bucket > line.anchor:
            line.advance(bucket)
        if line.anchor - 8 < bucket <= line.anchor:
            kept[bucket] = n
        line.put(bucket, block((n, 0), (n, 1)))
    reach = range(line.anchor - 7, line.anchor + 1)
    expected = [kept.get(b, 0) if b in reach else 0
                for b in range(line.anchor - length + 1, line.anchor + 1)]  # fmt: skip
    assert line.newest(1, length)[0].tolist() == expected


def test_a_timeline_ignores_what_is_ahead_and_makes_room() -> None:
    line = Timeline(4, 1, 10)
    line.put(11, block((9, 9)))
    line.put(10, block((1, 0), (2, 1)))  # a service more than there was room for
    assert line.newest(1, 4).tolist() == [[0, 0, 0, 2], [0, 0, 0, 1]]
    line.advance(11)
    assert line.newest(0, 2).tolist() == [[1, 0], [0, 0]]
    line.advance(100)
    assert line.newest(1, 4).tolist() == [[0] * 4, [0] * 4]


def test_everything_is_read_first_then_what_is_recent_then_everything_again() -> None:
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0})
    hours = 30 * 24 + LOOK_BACK_HOURS
    minute, hour = bucket_of(to_micros(NOW), MINUTE), bucket_of(to_micros(NOW), HOUR)
    everything = [
        Span(MINUTE, (minute - KEPT_MINUTES) * MINUTE),
        Span(HOUR, (hour - hours) * HOUR),
    ]
    recent = [Span(MINUTE, (minute - 15) * MINUTE), Span(HOUR, (hour - 2) * HOUR)]
    assert counts.block_spans(30, NOW) == everything
    assert counts.block_spans(7, NOW) == recent
    assert counts.block_spans(7, NOW + timedelta(seconds=1)) == recent
    later = counts.block_spans(7, NOW + REREAD)
    assert later[0].since == everything[0].since + 300
    assert len(counts.block_spans(90, NOW + REREAD)) == 2
    assert counts.block_spans(90, NOW + REREAD)[1] == recent[1]


@pytest.mark.parametrize("change", ["new service", "failed reading", "longer window"])
def test_what_is_not_known_for_sure_is_read_in_full(change: str) -> None:
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0})
    full = counts.block_spans(7, NOW)
    assert counts.block_spans(7, NOW) != full
    if change == "new service":
        assert counts.lacks(["checkout", "cart"])
        counts.put_slots({"checkout": 0, "cart": 1})
        assert not counts.lacks(["checkout", "cart"])
    elif change == "failed reading":
        counts.forget()
    found = counts.block_spans(14 if change == "longer window" else 7, NOW)
    assert found[0] == full[0]


def test_a_history_has_the_counts_of_its_service_or_threshold() -> None:
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0, "cart": 1})
    counts.block_spans(7, NOW)
    minute, hour = bucket_of(to_micros(NOW), MINUTE), bucket_of(to_micros(NOW), HOUR)
    counts.put_block(MINUTE, minute, block((10, 1), (20, 2)))
    counts.put_block(HOUR, hour - 1, block((100, 10), (200, 20)))
    key = ("cart", 0.25)
    assert len(counts.slow_spans(key, 7, NOW)) == 2
    counts.put_slow(SlowCount(*key, MINUTE, (minute - 1) * MINUTE, 7, 3))

    plain = counts.history("cart", slo_status(window_days=7))
    assert plain.minutes.shape == (2, DAY_MINUTES)
    assert plain.hours.shape == (2, 7 * 24 + LOOK_BACK_HOURS)
    assert plain.minutes[:, -1].tolist() == [20, 2]
    assert plain.hours[:, -2].tolist() == [200, 20]
    slow = counts.history("cart", slo_status(window_days=7, threshold_seconds=0.25))
    assert slow.minutes[:, -2].tolist() == [7, 3]
    assert slow.hours.sum() == 0
    for name, threshold in (("cart", 0.5), ("unknown", None)):
        nothing = counts.history(name, slo_status(window_days=7, threshold_seconds=threshold))
        assert nothing.hours.sum() == nothing.minutes.sum() == 0
        assert nothing.hours.shape == plain.hours.shape


@pytest.mark.parametrize(("second", "number"), [(0, 0), (1, 1), (60, 1), (61, 2)])
def test_a_bucket_holds_its_end(second: int, number: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    assert bucket_of(to_micros(at), MINUTE) == number


HELD = ShardCounts(REREAD.total_seconds())
"""A service that has had 100 requests a minute, one of which failed, for a week and a day."""
HELD.put_slots({"checkout": 0})
HELD.block_spans(7, NOW)
for number in range(DAY_MINUTES):
    HELD.put_block(MINUTE, bucket_of(to_micros(NOW), MINUTE) - number, block((100, 1)))
for number in range(7 * 24 + LOOK_BACK_HOURS):
    HELD.put_block(HOUR, bucket_of(to_micros(NOW), HOUR) - number, block((6000, 60)))
WEEK: Ints = np.array((7 * 24 * 6000, 7 * 24 * 60))
DAY: Ints = np.array((DAY_MINUTES * 100, DAY_MINUTES))


def counted(week: Ints, day: Ints, **fields: Any) -> BurnRateSnapshot:
    """Return a snapshot that has counted so much in its SLO window and in its last day."""
    windows = {"24h": WindowRate(86_400, int(day[0]), int(day[1]), 1.0)}
    slo = slo_status(
        objective=0.99, window_days=7, total=int(week[0]), bad=int(week[1]), windows=windows
    )
    return snapshot("checkout", slo, **{"evaluated_at": NOW, **fields})


@pytest.mark.parametrize(
    ("week", "day", "agrees"),
    [
        ((0, 0), (0, 0), True),
        ((20_000, 0), (0, 0), True),  # not two per cent of the requests
        ((22_000, 0), (0, 0), False),
        ((0, 200), (0, 0), True),  # not two per cent of the budget, of 10080
        ((0, 210), (0, 0), False),
        ((0, 0), (3_000, 0), False),
        ((0, 0), (0, 30), False),
        ((-1500, -15), (-1500, -15), True),  # the last quarter of an hour is not in it yet
        ((-22_000, 0), (0, 0), False),
        ((0, -220), (0, 0), False),
        ((0, 0), (-4_500, 0), False),
        ((0, 0), (0, -45), False),
    ],
)
def test_counts_agree_with_a_snapshot_that_has_counted_the_same(
    week: tuple[int, int], day: tuple[int, int], agrees: object
) -> None:
    made = counted(WEEK + week, DAY + day)
    assert HELD.agrees(made, made.slos[0], NOW) is agrees


@given(st.integers(0, 90), st.integers(0, 20))
def test_counts_are_compared_over_the_windows_of_the_snapshot(
    minutes_ago: int, hours_ago: int
) -> None:
    """However old a snapshot is, what its own windows held is compared, or nothing."""
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0})
    counts.block_spans(7, NOW)
    at = NOW - timedelta(hours=hours_ago, minutes=minutes_ago)
    hour, minute = bucket_of(to_micros(at), HOUR), bucket_of(to_micros(at), MINUTE)
    counts.put_block(HOUR, hour - 7 * 24, block((9000, 90)))  # has just left
    counts.put_block(HOUR, hour - 7 * 24 + 1, block((7000, 70)))
    counts.put_block(MINUTE, minute - DAY_MINUTES, block((900, 9)))
    counts.put_block(MINUTE, minute - DAY_MINUTES + 1, block((700, 7)))
    made = counted(np.array((7000, 70)), np.array((700, 7)), evaluated_at=at)
    assert counts.agrees(made, made.slos[0], NOW)
    other = counted(np.array((7500, 70)), np.array((700, 7)), evaluated_at=at)
    assert not counts.agrees(other, other.slos[0], NOW)


def test_a_service_that_is_not_known_agrees_with_no_requests_only() -> None:
    nothing = slo_status(total=0, bad=0, threshold_seconds=0.5)
    assert HELD.agrees(snapshot("unknown", nothing), nothing, NOW)
    some = slo_status(total=1, bad=0, threshold_seconds=0.5)
    assert not HELD.agrees(snapshot("unknown", some), some, NOW)


def test_everything_is_read_again_once_for_each_snapshot_and_not_all_the_time() -> None:
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0})
    full = counts.block_spans(7, NOW)
    first = counted(WEEK, DAY)
    doubted = [(first, first.slos[0])]
    assert not counts.read_again([], NOW)
    assert counts.read_again(doubted, NOW)
    assert counts.block_spans(7, NOW) == full
    assert not counts.read_again(doubted, NOW)  # what it has counted was stored before it

    counts.pause(NOW, NOW + timedelta(seconds=2))
    newer = counted(WEEK, DAY, evaluated_at=NOW + timedelta(seconds=1))
    assert not counts.read_again([(newer, newer.slos[0])], NOW + timedelta(seconds=21))
    assert counts.block_spans(7, NOW) != full
    assert counts.read_again([(newer, newer.slos[0])], NOW + timedelta(seconds=22))
    assert counts.block_spans(7, NOW) == full
