"""The limit against a count by hand, whatever the limits and the cuts between batches."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.arrays import Flags
from common.ledger.dlq_limit import WINDOW_RECORDS, DlqLimit, DlqLimits

# stretches of (bad, how many), so that long runs and full windows are common
STRETCHES = st.lists(st.tuples(st.booleans(), st.integers(1, 400)), max_size=12)
CUTS = st.lists(st.integers(1, 700), max_size=10)
LIMITS = st.builds(
    DlqLimits,
    max_bad_ratio=st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0]),
    max_bad_run=st.integers(1, 600),
)


def opens_at(flags: list[bool], limits: DlqLimits) -> int | None:
    """Return the first record at which the limit is open, counted by hand."""
    run = 0
    for i, bad in enumerate(flags):
        run = run + 1 if bad else 0
        share = sum(flags[max(0, i + 1 - WINDOW_RECORDS) : i + 1])
        if bad and (run >= limits.max_bad_run or share > limits.max_bad_ratio * WINDOW_RECORDS):
            return i
    return None


def flags_of(stretches: list[tuple[bool, int]]) -> list[bool]:
    return [bad for bad, count in stretches for _ in range(count)]


def batch(bad: list[bool]) -> Flags:
    return np.array(bad, np.bool_)


@settings(deadline=None)
@given(stretches=STRETCHES, cuts=CUTS, limits=LIMITS)
@example([(True, 100), (False, 900), (True, 101)], [], DlqLimits())
@example([(True, 199), (False, 1), (True, 1)], [199], DlqLimits(max_bad_ratio=1))
def test_the_batch_that_opens_it_holds_the_record_that_does_by_hand(
    stretches: list[tuple[bool, int]], cuts: list[int], limits: DlqLimits
) -> None:
    flags, limit, start = flags_of(stretches), DlqLimit(limits), 0
    expected = opens_at(flags, limits)
    for size in [*cuts, len(flags)]:
        part = flags[start : start + size]
        reason = limit.refusal(batch(part))
        assert (reason is None) == (expected is None or expected >= start + len(part))
        if reason is not None:
            return
        limit.apply(batch(part))
        start += len(part)


def test_to_judge_changes_nothing() -> None:
    limit = DlqLimit(DlqLimits(max_bad_ratio=1, max_bad_run=200))
    for _ in range(5):
        assert limit.refusal(batch([True] * 199)) is None


@pytest.mark.parametrize(("bad", "open_"), [(100, False), (101, True)])
def test_a_tenth_of_a_thousand_is_the_most(bad: int, open_: bool) -> None:  # noqa: FBT001
    flags = [i % 9 == 0 and i // 9 < bad for i in range(1000)]
    assert sum(flags) == bad
    assert (DlqLimit(DlqLimits()).refusal(batch(flags)) is not None) == open_


@pytest.mark.parametrize(("bad", "open_"), [(199, False), (200, True)])
def test_two_hundred_in_a_row_are_too_many(bad: int, open_: bool) -> None:  # noqa: FBT001
    limit = DlqLimit(DlqLimits(max_bad_ratio=1))
    limit.apply(batch([True] * 100))
    reason = limit.refusal(batch([True] * (bad - 100)))
    assert (reason == "200 records in a row are unreadable") == open_


def test_bad_records_that_have_left_the_window_are_forgotten() -> None:
    limit = DlqLimit(DlqLimits())
    limit.apply(batch([True] * 100))
    limit.apply(batch([False] * 900))
    assert limit.refusal(batch([True])) is None  # the first one leaves as it comes
    assert limit.refusal(batch([False] * 100 + [True] * 100)) is None


def test_an_empty_batch_says_nothing() -> None:
    limit = DlqLimit(DlqLimits(max_bad_ratio=0, max_bad_run=1))
    limit.apply(batch([]))
    assert limit.refusal(batch([])) is None
