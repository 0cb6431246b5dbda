"""Every identity counts once: packed dedup keys against a dictionary."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.columns import Columns, Counted, columns_of
from burnrate.ingest.dedup import (
    DEDUP_KEY,
    HourDedupKeys,
    ShardDedupKeys,
    packed,
    sorted_order,
    without_repeats,
)
from common.admission.identity import Keys, content_of, identity_of, keys_of
from common.events import MetricEvent
from tests.reference.streams import START

# few halves, so that keys share one of them, which real hashes next to never do
halves = st.integers(0, 3)
pairs = st.tuples(halves, halves)
Batch = list[tuple[int, int]]


def keys(found: Batch) -> Keys:
    return np.array(found, np.uint64).reshape(-1, 2)


@given(st.lists(st.lists(st.tuples(pairs, st.integers(0, 2)), max_size=8), max_size=12))
def test_dedup_keys_are_a_set_of_keys(batches: list[list[tuple[tuple[int, int], int]]]) -> None:
    dedup_keys, stands = HourDedupKeys(), dict[tuple[int, int], int]()
    for batch in batches:
        new, conflict = [], []
        for pair, said in batch:
            new.append(pair not in stands)
            conflict.append(stands.setdefault(pair, said) != said)
        content = np.array([said for _, said in batch], np.uint32)
        found = dedup_keys.add(keys([pair for pair, _ in batch]), content)
        assert (found[0].tolist(), found[1].tolist()) == (new, conflict)
    assert len(dedup_keys) == len(stands)


near = st.integers(0, 40) | st.integers(2**64 - 40, 2**64 - 1) | st.integers(0, 2**64 - 1)


@given(st.lists(near, max_size=60))
def test_hashes_are_sorted_as_numpy_would(values: list[int]) -> None:
    column = np.array(values, np.uint64)
    assert sorted_order(column).tolist() == np.argsort(column, kind="stable").tolist()


def test_two_hundred_thousand_keys_in_two_runs() -> None:
    chance = np.random.default_rng(7)
    dedup_keys, stored = HourDedupKeys(), b""
    all_keys = chance.integers(0, 2**64, (200_000, 2), np.uint64)
    content = all_keys[:, 0].astype(np.uint32)
    for start in range(0, len(all_keys), 7_000):
        part = slice(start, start + 7_000)
        assert dedup_keys.add(all_keys[part], content[part])[0].all()
        stored += packed(all_keys[part], content[part])
    loaded = HourDedupKeys()
    loaded.load(stored)
    for found in (dedup_keys, loaded):
        new, conflict = found.add(all_keys, content)
        assert not new.any()
        assert not conflict.any()
        assert found.add(all_keys, content + 1)[1].all()
        assert len(found) == len(all_keys)
        arrays = [
            a for run in (found._large, found._small) for a in (run.low, run.high, run.content)
        ]
        assert sum(array.nbytes for array in arrays) / len(found) <= 32


def columns(events: Sequence[MetricEvent], series: SeriesIndex) -> Columns:
    counted = [Counted(event, START, identity_of(event)) for event in events]
    return columns_of(list(enumerate(counted)), series)


@st.composite
def events(draw: st.DrawFn) -> MetricEvent:
    age = timedelta(minutes=draw(st.sampled_from((0, 1, 61, 200))))
    return MetricEvent(
        draw(st.sampled_from(("cart", "checkout"))),
        START - age,
        total=draw(st.integers(0, 2)),
        bad=0,
        source=draw(st.sampled_from(("", "a"))),
        event_id=draw(st.sampled_from(("", "1", "2"))),
    )


@pytest.mark.parametrize("max_held", [0, 1_000])
@given(batches=st.lists(st.lists(events(), max_size=6), max_size=6))
def test_of_each_identity_of_an_hour_the_first_counts(
    max_held: int, batches: list[list[MetricEvent]]
) -> None:
    """Hours that are let go are read again from what was stored: nothing is forgotten."""
    series, dedup_keys, stored = SeriesIndex(), ShardDedupKeys(max_held), dict[int, bytes]()
    reference: dict[tuple[bytes, int], int] = {}
    for batch in batches:
        expected, repeats, conflicts = [], 0, 0
        for event in batch:
            identity, hour = identity_of(event), int(event.timestamp.timestamp()) // 3600
            if identity is None:
                expected.append(event.total)
            elif (identity, hour) not in reference:
                reference[identity, hour] = content_of(event)
                expected.append(event.total)
            else:
                repeats += 1
                conflicts += reference[identity, hour] != content_of(event)
        batch_columns = columns(batch, series)
        missing = dedup_keys.missing(batch_columns, batch_columns.identified)
        dedup_keys.put(missing, stored)
        checked = dedup_keys.check(batch_columns, batch_columns.identified)
        found = without_repeats(batch_columns, [checked])
        for hour, added in checked.added.items():
            stored[hour] = stored.get(hour, b"") + added
        assert found.counted.total.tolist() == expected
        assert len(found.repeats.slot) == repeats
        assert int(found.repeats.conflict.sum()) == conflicts
    assert sum(map(len, stored.values())) == DEDUP_KEY.itemsize * len(reference)


def test_a_key_survives_its_way_to_the_store() -> None:
    key = bytes(range(16))
    [row] = keys_of([key])
    assert row.astype("<u8").tobytes() == key
