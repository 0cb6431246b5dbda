"""When a frozen level ends, against windows summed minute by minute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.arrays import Floats
from forecast.domain.locks import level_lock_minutes, spread_over_minutes

WINDOWS = (5, 12, 24)  # minutes, in place of 5, 60 and 1440


def brute(minutes: Floats, requests: Floats, allowed: float, error_ratio: float) -> int | None:
    """Return the first minute's end at which the composite is at most 2, each sum made anew."""
    total = [*minutes[0].tolist(), *requests.tolist()]
    bad = [*minutes[1].tolist(), *(requests * error_ratio).tolist()]
    now = minutes.shape[1]
    for ahead in range(max(WINDOWS) + 1):
        composite = 0.0
        for weight, length in zip((0.4, 0.35, 0.25), WINDOWS, strict=True):
            own = slice(now + ahead - length, now + ahead)
            if sum(total[own]):
                composite += weight * sum(bad[own]) / sum(total[own]) / allowed
        if composite <= 2 + 1e-12:
            return ahead
    return None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=24, max_size=30),
    st.lists(st.integers(0, 9), min_size=24, max_size=24),
    st.sampled_from([0.01, 0.0625, 0.25]),
    st.sampled_from([0.0, 0.125, 0.5]),
)
def test_the_level_ends_when_windows_summed_anew_say_so(
    seen: list[tuple[int, int]], expected: list[int], allowed: float, error_ratio: float
) -> None:
    minutes = np.array([(n, min(n, bad)) for n, bad in seen], np.float64).T
    requests = np.array(expected, np.float64)
    found = level_lock_minutes(minutes, WINDOWS, allowed, requests, error_ratio)
    assert found == brute(minutes, requests, allowed, error_ratio)


def test_without_new_errors_every_level_ends() -> None:
    minutes = np.full((2, 1440), 100.0)
    windows = (5, 60, 1440)
    requests = np.full(1440, 100.0)
    # all failed for a day: in the end 0.25 of a thousandth part of it is left in the long window
    assert level_lock_minutes(minutes, windows, 0.001, requests, 0.0) == 1429
    assert level_lock_minutes(minutes, windows, 0.001, requests * 0, 0.0) == 1440
    assert level_lock_minutes(minutes, windows, 0.001, requests, 0.0021) is None
    assert level_lock_minutes(minutes, windows, 0.001, requests, 0.0019) is not None
    assert level_lock_minutes(minutes * 0, windows, 0.001, requests, 0.0) == 0


@pytest.mark.parametrize(
    ("first_hours", "places"),
    [
        (0.5, [0] * 30 + [1] * 60 + [2] * 30),
        (1.0, [0] * 60 + [1] * 60),
        (0.0, [1] * 60 + [2] * 60),
    ],
)
def test_requests_of_an_hour_are_spread_over_its_minutes(
    first_hours: float, places: list[int]
) -> None:
    hourly = np.array([60.0, 120.0, 180.0])
    spread = spread_over_minutes(hourly, first_hours, 120)
    assert spread.tolist() == [hourly[place] / 60 for place in places]
    assert spread_over_minutes(hourly, 0.5, 6000)[-1] == 3.0
