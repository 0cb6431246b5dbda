"""A batch in sums: which bucket an event falls in, and at which resolutions it is kept."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.domain.batch import BatchDelta
from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.aggregation import (
    Repeats,
    aggregate,
    stored_cells,
    stored_latency,
)
from burnrate.ingest.columns import Counted, columns_of
from common.config.clock import MICROSECONDS, from_micros, to_micros
from common.counts.layout import KEPT, RESOLUTIONS, TEN_SECONDS, bucket_of, slower_than
from common.events import IngestCounters, Latency, MetricEvent
from common.slo.windows import HOUR, MINUTE
from tests.reference.brute_force import end_of_bucket
from tests.reference.streams import MICROSECOND, START, Batch, streams
from tests.reference.sums import delta_of
from tests.support.servers.effort import examples

NOW = to_micros(START)
NUMBER = bucket_of(NOW, TEN_SECONDS)
Cell = tuple[int, int, int]


def counted(age: timedelta = timedelta(), total: int = 3, bad: int = 1, **fields: int) -> Counted:
    seconds = fields.get("window_seconds", 10)
    event = MetricEvent("cart", START - age, total=total, bad=bad, window_seconds=seconds)
    return Counted(event, START)


def cells_of(sums: BatchDelta) -> dict[tuple[str, int], Cell]:
    """Return (total, bad, shortest report) by service and ten-second bucket."""
    columns = (sums.service.tolist(), sums.bucket.tolist(), sums.counts.tolist())
    rows = zip(*columns, sums.window_seconds.tolist(), strict=True)
    found = {(sums.names[s], bucket): (*counts, window) for s, bucket, counts, window in rows}
    assert len(found) == len(sums.bucket)
    return found


@settings(max_examples=examples(200))
@given(st.integers(-(10**15), 4 * 10**15), st.sampled_from((10, 60, 3600)))
def test_a_bucket_ends_where_it_says(micros: int, seconds: int) -> None:
    number = bucket_of(micros, seconds)
    end = end_of_bucket(from_micros(micros), seconds)
    assert from_micros(number * seconds * MICROSECONDS) == end
    assert -(-bucket_of(micros, TEN_SECONDS) // (seconds // TEN_SECONDS)) == number


@pytest.mark.parametrize(
    ("after", "bucket"),
    [(-MICROSECOND, 0), (timedelta(), 0), (MICROSECOND, 1), (timedelta(seconds=10), 1)],
)
def test_an_event_at_the_end_of_a_bucket_is_inside(after: timedelta, bucket: int) -> None:
    assert set(cells_of(delta_of([counted(-after)]))) == {("cart", NUMBER + bucket)}


def test_events_of_a_bucket_are_added_and_the_shortest_report_is_kept() -> None:
    batch = [counted(total=3, bad=1), counted(total=5, bad=5, window_seconds=60), counted()]
    sums = delta_of(batch)
    assert cells_of(sums) == {("cart", NUMBER): (11, 7, 10)}
    assert sums.newest_micros.tolist() == [NOW]
    assert cells_of(delta_of([])) == {}


@settings(max_examples=examples(60))
@given(streams(max_steps=2))
def test_every_cell_is_the_sum_of_its_events(stream: list[Batch]) -> None:
    for batch in stream:
        expected: dict[tuple[str, int], Cell] = {}
        for event in batch.events:
            key = (event.stream, bucket_of(to_micros(event.timestamp), TEN_SECONDS))
            total, bad, window = expected.get(key, (0, 0, event.window_seconds))
            shortest = min(window, event.window_seconds)
            expected[key] = (total + event.total, bad + (event.bad or 0), shortest)
        assert cells_of(delta_of(batch.counted())) == expected


def test_histograms_of_other_bounds_stay_apart() -> None:
    def timed(*counts: int, bounds: tuple[float, ...]) -> Counted:
        total = sum(counts)
        event = MetricEvent("cart", START, total=total, bad=0, latency=Latency(bounds, counts))
        return Counted(event, START)

    sums = delta_of(
        [
            timed(1, 2, 3, bounds=(0.1, 0.5)),
            timed(4, 5, 6, bounds=(0.1, 0.5)),
            timed(7, 8, bounds=(0.1,)),
            counted(),
        ]
    )
    assert sums.latency == {
        ("cart", NUMBER, (0.1, 0.5)): [5, 7, 9],
        ("cart", NUMBER, (0.1,)): [7, 8],
    }
    assert cells_of(sums)["cart", NUMBER][0] == 39
    assert len(stored_latency(sums, NOW)) == 6


@pytest.mark.parametrize(
    ("threshold", "found"),
    [
        (0.1, (15, 10, 0)),
        (0.5, (15, 4, 0)),
        (1.0, (15, 1, 0)),
        (0.25, (15, 10, 6)),
        (0.05, (15, 15, 5)),
        (2.0, (15, 1, 1)),
    ],
)
def test_what_may_be_slower_than_a_threshold_is_bad_and_what_straddles_it_is_uncertain(
    threshold: float, found: tuple[int, int, int]
) -> None:
    """A request that took exactly the bound is within it."""
    assert slower_than((0.1, 0.5, 1.0), [5, 6, 3, 1], threshold) == found


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        (timedelta(minutes=-5), (TEN_SECONDS, MINUTE, HOUR)),
        (timedelta(hours=2), (TEN_SECONDS, MINUTE, HOUR)),
        (timedelta(hours=2, seconds=10), (MINUTE, HOUR)),
        (timedelta(hours=50), (MINUTE, HOUR)),
        (timedelta(hours=50, seconds=50), (MINUTE, HOUR)),
        (timedelta(hours=50, minutes=1), (HOUR,)),
        (timedelta(days=90), (HOUR,)),
    ],
)
def test_fine_buckets_are_kept_while_windows_may_read_them(
    age: timedelta, kept: tuple[int, ...]
) -> None:
    series = SeriesIndex()
    sums = delta_of([counted(age)], series)
    cells = stored_cells(sums, series, NOW)
    found = {r: rows.counts.tolist() for r, rows in cells.items() if len(rows.bucket)}
    assert found == {resolution: [[3, 1, 10]] for resolution in kept}
    # the bucket's age counts to the microsecond, at either side of its limit
    if age == timedelta(hours=2):
        later = stored_cells(sums, series, NOW + 1)
        assert [r for r, rows in later.items() if len(rows.bucket)] == [MINUTE, HOUR]


@pytest.mark.parametrize("resolution", [TEN_SECONDS, MINUTE])
def test_histograms_are_kept_as_long_as_counts(resolution: int) -> None:
    edge = to_micros(from_micros(NOW) - KEPT[resolution]) // (resolution * MICROSECONDS)
    for bucket, kept in ((edge, True), (edge - 1, False)):
        at = from_micros(bucket * resolution * MICROSECONDS)
        event = MetricEvent("cart", at, total=1, bad=0, latency=Latency((0.1,), (1, 0)))
        stored = stored_latency(delta_of([Counted(event, START)]), NOW)
        assert ((resolution, "cart", bucket, (0.1,)) in stored) is kept


@settings(max_examples=examples(60))
@given(streams(max_steps=2))
def test_stored_cells_hold_every_count_at_the_hour(stream: list[Batch]) -> None:
    for batch in stream:
        series, appended = SeriesIndex(), to_micros(batch.appended_at)
        sums = delta_of(batch.counted(), series)
        for resolution, cells in stored_cells(sums, series, appended).items():
            expected: dict[tuple[int, str], Cell] = {}
            for event in batch.events:
                micros = to_micros(event.timestamp)
                bucket = bucket_of(micros, resolution)
                age = timedelta(microseconds=appended - bucket * resolution * MICROSECONDS)
                if resolution != HOUR and age > KEPT[resolution]:
                    continue
                key = (bucket_of(micros, resolution), event.stream)
                total, bad, window = expected.get(key, (0, 0, event.window_seconds))
                shortest = min(window, event.window_seconds)
                expected[key] = (total + event.total, bad + (event.bad or 0), shortest)
            rows = zip(cells.bucket.tolist(), cells.slot.tolist(), cells.counts, strict=True)
            assert expected == {(b, series.names[s]): tuple(c.tolist()) for b, s, c in rows}
            assert resolution != HOUR or sum(e.total for e in batch.events) == sum(
                total for total, _, _ in expected.values()
            )
        assert set(stored_cells(sums, series, appended)) == set(RESOLUTIONS)


def test_oddities_are_added_by_service() -> None:
    series = SeriesIndex()
    odd = [
        Counted(counted().event, START, anonymous=True),
        Counted(counted().event, START, misrouted=True),
        Counted(counted().event, START, anonymous=True, misrouted=True),
    ]
    columns = columns_of([(i, item) for i, item in enumerate(odd)], series)
    other = series.add("other")
    slot = np.array([series.index["cart"]] * 2 + [other])
    sums = aggregate(columns, series, Repeats(slot, np.array([True, False, False])))
    assert sums.counters == {
        "cart": IngestCounters(2, 1, 2, 2),
        "other": IngestCounters(duplicates=1),
    }
    # a service that sent nothing but repeats is touched, but has no newest timestamp
    assert dict(zip(sums.names, sums.newest_micros.tolist(), strict=True)) == {
        "cart": NOW,
        "other": -1,
    }
