"""Rates for each caller, whatever the times at which they come."""

import math

from hypothesis import given
from hypothesis import strategies as st

from common.access import limits
from common.access.limits import CallerLimits, TokenBucket

pauses = st.lists(st.floats(0, 30), max_size=60)


@given(pauses, st.sampled_from([0.1, 0.5, 3.0]), st.integers(1, 5))
def test_no_more_pass_than_the_burst_and_the_rate(
    waits: list[float], rate_per_second: float, burst: int
) -> None:
    bucket, now, passed = TokenBucket(rate_per_second, burst, 0.0), 0.0, 0
    for wait in waits:
        now += wait
        pause_seconds = bucket.take(now)
        passed += not pause_seconds
        assert passed <= burst + now * rate_per_second + 1e-6
        assert pause_seconds <= math.ceil(1 / rate_per_second)
        if pause_seconds:  # who waits as long as told is let in
            now += pause_seconds
            assert bucket.take(now) == 0
            passed += 1


@given(st.floats(0, 1e6))
def test_a_clock_that_is_set_back_takes_nothing_away(back_seconds: float) -> None:
    bucket = TokenBucket(0.5, 3, 1e9)
    assert [bucket.take(1e9), bucket.take(1e9 - back_seconds)] == [0, 0]
    assert bucket.take(1e9 - back_seconds) == 0
    assert bucket.take(1e9 - back_seconds) == 2


def test_of_too_many_callers_the_idle_ones_are_forgotten() -> None:
    rates = CallerLimits("reads", 1.0, 1)
    rates.take("first", 0.0)
    for number in range(limits.MOST_CALLERS - 1):
        rates.take(str(number), 0.0)
    assert rates.take("first", 0.5).wait_seconds == 1  # known still, and the latest now
    rates.take("one more", 0.5)
    assert rates.take("1", 0.5).wait_seconds == 1
    assert rates.take("0", 0.5).wait_seconds == 0
