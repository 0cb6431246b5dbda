"""Counts held in memory against the buckets they were made of."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.config.clock import to_micros
from common.counts.layout import SlowCount, Span, bucket_of
from common.slo.windows import HOUR, MINUTE
from forecast.domain.forecast import DAY_MINUTES, LOOK_BACK_HOURS
from forecast.domain.shard_counts import ShardCounts, Timeline
from tests.support.burn_events import slo_status

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
        Span(MINUTE, (minute - DAY_MINUTES) * MINUTE),
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


@pytest.mark.parametrize(
    ("counted", "after_seconds", "doubted"),
    [
        (6000, 15, False),  # as held
        (6119, 15, False),  # two per cent, and no more
        (6200, 15, True),
        (5800, 15, True),
        (6200, 14, False),  # everything was read a moment ago
    ],
)
def test_counts_that_a_snapshot_contradicts_are_read_again(
    counted: int, after_seconds: int, doubted: object
) -> None:
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0})
    full = counts.block_spans(7, NOW)
    counts.put_block(HOUR, bucket_of(to_micros(NOW), HOUR) - 5, block((6000, 0)))
    slo = slo_status(window_days=7, total=counted)
    later = NOW + timedelta(seconds=after_seconds)
    assert counts.doubt("checkout", slo, later) is doubted
    assert (counts.block_spans(7, NOW)[0] == full[0]) is doubted


def test_counts_that_have_just_come_are_no_contradiction() -> None:
    counts = ShardCounts(REREAD.total_seconds())
    counts.put_slots({"checkout": 0})
    counts.block_spans(7, NOW)
    counts.put_block(MINUTE, bucket_of(to_micros(NOW), MINUTE), block((500, 0)))
    counts.put_block(HOUR, bucket_of(to_micros(NOW), HOUR), block((500, 0)))
    later = NOW + REREAD
    assert not counts.doubt("checkout", slo_status(window_days=7, total=1000), later)
    assert counts.doubt("checkout", slo_status(window_days=7, total=1001), later)
    assert not counts.doubt("unknown", slo_status(threshold_seconds=0.5), later)
