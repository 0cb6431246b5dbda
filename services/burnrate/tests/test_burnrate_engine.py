"""The engine against raw cells: pages, late and early cells, jumps, saturation, reuse, storage."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.windows.engine import DEEP_DAYS, SHALLOW_DAYS, WINDOW_SECONDS, Engine
from common.counts.layout import SUM_LIMIT, TEN_SECONDS
from common.slo.windows import DAY, HOUR, MINUTE
from tests.support.servers.effort import examples

SERIES = 330  # on four pages, and then some
FIRST = 177_000_000  # a ten-second bucket of the year 2026
CHOSEN = (0, 1, 79, 80, 159, 160, 329)  # at the edges of pages
FLOORS = (302, 600, 3610, 7200)


def length_of(seconds: int) -> int:
    return TEN_SECONDS if seconds <= HOUR else MINUTE if seconds <= DAY else HOUR


@dataclass
class Reference:
    """Cells of each length by series, added one by one; each stops at the limit."""

    now: int
    cells: dict[int, dict[tuple[int, int], list[int]]] = field(
        default_factory=lambda: {s: defaultdict(lambda: [0, 0]) for s in (10, 60, 3600)}
    )

    def add(self, series: int, bucket: int, total: int, bad: int) -> None:
        for length, cells in self.cells.items():
            cell = cells[series, -(-bucket * TEN_SECONDS // length)]
            cell[:] = min(cell[0] + total, SUM_LIMIT), min(cell[1] + bad, SUM_LIMIT)

    def sums(self, series: int, seconds: int) -> list[int]:
        length = length_of(seconds)
        anchor = -(-self.now // length)
        first = anchor - -(-seconds // length)
        found = [
            c for (s, b), c in self.cells[length].items() if s == series and first < b <= anchor
        ]
        return [min(sum(c[i] for c in found), SUM_LIMIT) for i in (0, 1)]


def made(*, deep: bool) -> tuple[Engine, Reference]:
    engine = Engine(FIRST * 10 * 1_000_000)
    assert [engine.new_series(i, deep=deep) for i in range(SERIES)] == list(range(SERIES))
    return engine, Reference(FIRST * 10)


def agree(engine: Engine, reference: Reference, days: int) -> None:
    """Compare every running window, and some of other lengths."""
    windows = [seconds for seconds in WINDOW_SECONDS if seconds <= days * DAY]
    for series in CHOSEN:
        running = engine.sums[: len(windows), :, series].tolist()
        assert running == [reference.sums(series, seconds) for seconds in windows]
    chosen = np.array(CHOSEN)
    for seconds in (*FLOORS, *windows):
        found = engine.window_sums(chosen, np.full(len(CHOSEN), seconds)).T.tolist()
        assert found == [reference.sums(series, seconds) for series in CHOSEN]


def advance(engine: Engine, reference: Reference, seconds: int) -> None:
    reference.now += seconds
    engine.advance(reference.now * 1_000_000)


ages = st.one_of(
    st.integers(-60, 0),  # ahead of now, as far as the rings keep
    st.integers(0, 400),
    st.integers(0, 9000),
    st.integers(0, 91 * 8640),
)
counts = st.one_of(
    st.integers(0, 50),
    st.sampled_from((SUM_LIMIT, SUM_LIMIT - 1, SUM_LIMIT // 2, SUM_LIMIT >> 12, 2**41)),
)
cells = st.tuples(st.sampled_from(CHOSEN), ages, counts, st.integers(0, 4))
waits = st.one_of(
    st.sampled_from((0, 1, 10, 60, 600, HOUR, DAY, 30 * DAY, 100 * DAY)),
    st.integers(0, 700),
    st.integers(0, 3 * DAY),
)
steps = st.lists(st.tuples(waits, st.lists(cells, max_size=6)), min_size=1, max_size=6)


@settings(max_examples=examples(60), deadline=None)
@given(steps, st.booleans())
def test_running_sums_equal_raw_cells(
    given_steps: list[tuple[int, list[tuple[int, int, int, int]]]],
    deep: bool,  # noqa: FBT001
) -> None:
    engine, reference = made(deep=deep)
    for wait, batch in given_steps:
        advance(engine, reference, wait)
        once = {(s, -(-reference.now // 10) - age): (t, t >> b) for s, age, t, b in batch}
        rows = [(*cell, *count) for cell, count in once.items()]
        for row in rows:
            reference.add(*row)
        table = np.array(rows, np.int64).reshape(-1, 4)
        engine.add(table[:, 0], table[:, 1], table[:, 2:])
        agree(engine, reference, DEEP_DAYS if deep else SHALLOW_DAYS)


@pytest.mark.parametrize("ahead", [1, 30, 60])
def test_a_cell_ahead_enters_each_ring_when_its_bucket_is_reached(ahead: int) -> None:
    engine, reference = made(deep=False)
    reference.add(80, FIRST + ahead, 7, 2)
    engine.add(np.array([80]), np.array([FIRST + ahead]), np.array([[7, 2]]))
    for _ in range(ahead + 2):
        agree(engine, reference, SHALLOW_DAYS)
        advance(engine, reference, 10)


def test_a_sum_at_the_limit_comes_down_again_when_its_buckets_leave() -> None:
    """From a sum that stopped nothing could be subtracted."""
    engine, reference = made(deep=False)
    for age in range(0, 900, 7):
        reference.add(1, FIRST - age, SUM_LIMIT, 3)
        engine.add(np.array([1]), np.array([FIRST - age]), np.array([[SUM_LIMIT, 3]]))
    reference.add(1, FIRST, 5, 1)
    engine.add(np.array([1]), np.array([FIRST]), np.array([[5, 1]]))
    for wait in (0, 10, 290, 1500, 1800, 3600, 10_000, DAY):
        advance(engine, reference, wait)
        agree(engine, reference, SHALLOW_DAYS)
    assert engine.sums[:6, :, 1].max() == 0


@pytest.mark.parametrize("resolution", [TEN_SECONDS, MINUTE, HOUR])
@pytest.mark.parametrize("order", [1, -1])
def test_stored_counts_are_those_that_were_added(resolution: int, order: int) -> None:
    """Series of several pages, in either order; what is out of reach is left out."""
    engine, reference = made(deep=True)
    chance = np.random.default_rng(resolution)
    anchor = -(-reference.now // resolution)
    buckets = np.unique(anchor - chance.integers(-2, 2300, 300))[::order]
    series = np.array(CHOSEN)[::order]
    blocks = chance.integers(0, 1000, (len(buckets), 2, len(series)))
    blocks[0, 0, 0] = SUM_LIMIT
    engine.put(resolution, series, buckets, blocks)
    for i, bucket in enumerate(buckets.tolist()):
        for j, number in enumerate(series.tolist()):
            reference.cells[resolution][number, bucket] = blocks[i, :, j].tolist()
    for wait in (0, 10, 50, 3600):
        advance(engine, reference, wait)
        reference.add(0, -(-reference.now // 10), 1, 1)
        engine.add(np.array([0]), np.array([-(-reference.now // 10)]), np.array([[1, 1]]))
        agree(engine, reference, DEEP_DAYS)


def test_a_place_that_is_given_back_is_empty_for_the_next() -> None:
    engine, reference = made(deep=False)
    everywhere = np.arange(SERIES)
    engine.add(everywhere, np.full(SERIES, FIRST), np.full((SERIES, 2), SUM_LIMIT))
    for series in (80, 159):
        engine.free_series(series)
    assert {engine.new_series(9, deep=False) for _ in range(2)} == {80, 159}
    assert engine.new_series(9, deep=True) >= SERIES
    advance(engine, reference, 20)
    found = engine.window_sums(np.array([80, 159, 81]), np.array([300, 7200, 300]))
    assert found.tolist() == [[0, 0, SUM_LIMIT], [0, 0, SUM_LIMIT]]
    assert engine.sums[:6, :, [80, 159]].max() == 0


def test_touched_are_the_owners_whose_sums_have_changed() -> None:
    engine = Engine(FIRST * 10 * 1_000_000)
    series = np.array([engine.new_series(100 + i, deep=False) for i in range(3)])
    assert engine.take_touched().tolist() == [100, 101, 102]
    buckets = np.array([FIRST, FIRST + 2, FIRST - 40 * 8640])
    engine.add(series, buckets, np.array([[3, 0], [3, 0], [0, 0]]))
    # 20 s ahead is in this hour, in the next minute; no counts at all change nothing
    assert engine.take_touched().tolist() == [100, 101]
    touched = {}
    for step in range(1, 33):
        engine.advance((FIRST + step) * 10 * 1_000_000)
        touched[step] = engine.take_touched().tolist()
    shown = {step: own for step, own in touched.items() if own}
    assert shown == {1: [101], 2: [101], 30: [100], 32: [101]}


def test_growth_leaves_the_counts_where_they_are() -> None:
    engine = Engine(FIRST * 10 * 1_000_000)
    engine.new_series(0, deep=False)
    rings = engine._pages.pages[0].rings
    before = [ring.counts for ring in rings]
    for i in range(1000):
        engine.new_series(i, deep=bool(i % 2))
    assert all(kept is ring.counts for kept, ring in zip(before, rings, strict=True))
    assert len(engine._pages.pages) < 12
