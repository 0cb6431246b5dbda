"""A batch in sums: which bucket an event falls in, and at which resolutions it is kept."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.rings import HOUR, MINUTE, TEN_SECONDS, bucket_of
from burnrate.tally import (
    Admitted,
    Count,
    coarsen,
    kept_resolutions,
    stored_counts,
    stored_latency,
    tally,
    within_threshold,
)
from common.clock import MICROSECONDS, from_micros, to_micros
from common.events import IngestCounters, Latency, MetricEvent
from tests.reference.brute_force import end_of_bucket
from tests.reference.streams import MICROSECOND, START, Batch, streams

NUMBER = bucket_of(to_micros(START), TEN_SECONDS)


def admitted(age: timedelta = timedelta(), total: int = 3, bad: int = 1, **fields: int) -> Admitted:
    seconds = fields.get("window_seconds", 10)
    event = MetricEvent("cart", START - age, total=total, bad=bad, window_seconds=seconds)
    return Admitted(event, START)


@settings(max_examples=200)
@given(st.integers(-(10**15), 4 * 10**15), st.sampled_from((10, 60, 3600)))
def test_a_bucket_ends_where_it_says(micros: int, seconds: int) -> None:
    number = bucket_of(micros, seconds)
    end = end_of_bucket(from_micros(micros), seconds)
    assert from_micros(number * seconds * MICROSECONDS) == end
    assert coarsen(bucket_of(micros, TEN_SECONDS), seconds) == number


@pytest.mark.parametrize(
    ("after", "bucket"),
    [(-MICROSECOND, 0), (timedelta(), 0), (MICROSECOND, 1), (timedelta(seconds=10), 1)],
)
def test_an_event_at_the_end_of_a_bucket_is_inside(after: timedelta, bucket: int) -> None:
    assert set(tally([admitted(-after)]).counts) == {("cart", NUMBER + bucket)}


def test_events_of_a_bucket_are_added_and_the_longest_report_is_kept() -> None:
    batch = [admitted(total=3, bad=1), admitted(total=5, bad=5, window_seconds=60), admitted()]
    sums = tally(batch)
    assert sums.counts == {("cart", NUMBER): Count(11, 7, 60)}
    assert sums.newest == {"cart": START}
    assert tally([]).counts == {}


def test_histograms_of_other_bounds_stay_apart() -> None:
    def timed(*counts: int, bounds: tuple[float, ...]) -> Admitted:
        total = sum(counts)
        event = MetricEvent("cart", START, total=total, bad=0, latency=Latency(bounds, counts))
        return Admitted(event, START)

    sums = tally(
        [
            timed(1, 2, 3, bounds=(0.1, 0.5)),
            timed(4, 5, 6, bounds=(0.1, 0.5)),
            timed(7, 8, bounds=(0.1,)),
            admitted(),
        ]
    )
    assert sums.latency == {
        ("cart", NUMBER, (0.1, 0.5)): [5, 7, 9],
        ("cart", NUMBER, (0.1,)): [7, 8],
    }
    assert sums.counts["cart", NUMBER].total == 39
    assert len(stored_latency(sums, START)) == 6


@pytest.mark.parametrize(
    ("threshold", "found"),
    [(0.1, (15, 10)), (0.5, (15, 4)), (1.0, (15, 1)), (0.25, None), (2.0, None)],
)
def test_what_is_slower_than_a_bound_is_bad(
    threshold: float, found: tuple[int, int] | None
) -> None:
    """A request that took exactly the bound is within it."""
    counted = within_threshold((0.1, 0.5, 1.0), [5, 6, 3, 1], threshold)
    assert (None if counted is None else (counted.total, counted.bad)) == found


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        (timedelta(minutes=-5), (TEN_SECONDS, MINUTE, HOUR)),
        (timedelta(hours=2), (TEN_SECONDS, MINUTE, HOUR)),
        (timedelta(hours=2, seconds=10), (MINUTE, HOUR)),
        (timedelta(hours=50), (MINUTE, HOUR)),
        (timedelta(hours=50, seconds=10), (HOUR,)),
        (timedelta(days=90), (HOUR,)),
    ],
)
def test_fine_buckets_are_kept_while_windows_may_read_them(
    age: timedelta, kept: tuple[int, ...]
) -> None:
    sums = tally([admitted(age)])
    [(_, bucket)] = sums.counts
    assert kept_resolutions(bucket, START) == kept
    rows = stored_counts(sums, START)
    assert {resolution for resolution, _, _ in rows} == set(kept)
    assert all(row == Count(3, 1, 10) for row in rows.values())
    # the bucket's age counts to the microsecond, at either side of its limit
    if age == timedelta(hours=2):
        assert kept_resolutions(bucket, START + MICROSECOND) == (MINUTE, HOUR)


@settings(max_examples=60)
@given(streams(max_steps=2))
def test_stored_rows_hold_every_count_at_the_hour(stream: list[Batch]) -> None:
    for batch in stream:
        sums = tally(batch.admitted())
        for resolution in (TEN_SECONDS, MINUTE, HOUR):
            rows = [
                c
                for (r, _, _), c in stored_counts(sums, batch.appended_at).items()
                if r == resolution
            ]
            kept = [
                e
                for e in batch.events
                if resolution
                in kept_resolutions(bucket_of(to_micros(e.timestamp), 10), batch.appended_at)
            ]
            assert sum(c.total for c in rows) == sum(e.total for e in kept)
            assert sum(c.bad for c in rows) == sum(e.bad or 0 for e in kept)
            assert resolution != HOUR or len(kept) == len(batch.events)


def test_oddities_are_added_by_service() -> None:
    sums = tally(
        [
            Admitted(admitted().event, START, identified=False),
            Admitted(admitted().event, START, misrouted=True),
            Admitted(admitted().event, START, identified=False, misrouted=True),
        ]
    )
    sums.note("cart", duplicates=2, event_id_conflicts=1)
    sums.note("other", duplicates=1)
    assert sums.oddities == {
        "cart": IngestCounters(2, 1, 2, 2),
        "other": IngestCounters(duplicates=1),
    }
