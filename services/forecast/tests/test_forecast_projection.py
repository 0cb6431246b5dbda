"""What is expected of the future: the course of the burn rate, its spread, the requests."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.domain.models import Line
from forecast.domain.projection import (
    Present,
    burn_rate_line,
    expected_burn_rates,
    expected_requests,
)

Z_TENTH = 1.2815515655446004
MANY = 10**12  # so many bad events that their number adds no doubt


@given(
    st.floats(0, 50), st.floats(-3, 3), st.floats(0, 1), st.floats(0, 500), st.integers(0, 10**6)
)
def test_the_worst_in_ten_is_never_below_the_best(
    mean: float, slope: float, error: float, burn_rate_1h: float, bad: int
) -> None:
    line = Line(mean, 12.0, slope, error, 0.1, 0.5, 48)
    worst, expected, best = expected_burn_rates(Present(line, burn_rate_1h, bad), 0.5, 200)
    assert (worst >= expected - 1e-9).all()
    assert (expected >= best - 1e-9).all()
    assert (best >= 0).all()


@pytest.mark.parametrize("burn_rate_1h", [9.0, 0.0])
def test_an_excess_falls_off_and_lasts_longer_at_worst(burn_rate_1h: float) -> None:
    present = Present(Line(mean=1.0, points=48), burn_rate_1h, MANY)
    worst, expected, best = expected_burn_rates(present, 1.0, 100)
    excess = burn_rate_1h - 1
    assert expected[0] == pytest.approx(1 + excess * (1 - math.exp(-1)))
    assert expected[1] == pytest.approx(1 + excess * (math.exp(-1) - math.exp(-2)))
    assert expected[-1] == pytest.approx(1)
    spread = math.exp(Z_TENTH * math.sqrt(0.21**2 + (1.35 * 0.53) ** 2))
    assert worst[-1] == pytest.approx(spread)
    assert best[-1] == pytest.approx(1 / spread)
    slow, fast = (worst / spread, best * spread) if excess > 0 else (best * spread, worst / spread)
    assert slow[3] == pytest.approx(1 + excess * 4 * (math.exp(-3 / 4) - math.exp(-1)))
    assert fast[3] == pytest.approx(1, abs=1e-3)


def test_a_trend_flattens_out_after_six_hours_worth() -> None:
    line = Line(mean=5.0, mean_age_hours=10.0, slope_per_hour=0.1, points=48)
    [_, expected, _] = expected_burn_rates(Present(line, 6.0, MANY), 1.0, 300)
    assert expected[0] == pytest.approx(6 + 0.6 * (1 - math.exp(-0.5 / 6)))
    assert expected[-1] == pytest.approx(6.6)


@pytest.mark.parametrize(
    ("line", "burn_rate_1h", "bad", "variance"),
    [
        (Line(mean=1.0, points=48), 1.0, MANY, 0.21**2),
        (Line(mean=1.0, points=48), 1.0, 0, 0.21**2 + 1),
        (Line(mean=1.0, points=48), 1.0, 9, 0.21**2 + 0.1),
        (Line(mean=2.0, scatter=3.0, points=25), 2.0, MANY, 0.21**2 + 1.5**2 / 25),
        (
            Line(mean=1.0, points=48),
            1.2,
            MANY,
            0.21**2 + (1.35 * math.log(1.25 / 1.05)) ** 2,
        ),
    ],
)
def test_the_spread_is_the_sum_of_what_is_in_doubt(
    line: Line, burn_rate_1h: float, bad: int, variance: float
) -> None:
    worst, expected, best = expected_burn_rates(Present(line, burn_rate_1h, bad), 1.0, 200)
    assert math.log(worst[-1] / expected[-1]) == pytest.approx(Z_TENTH * math.sqrt(variance))
    assert math.log(expected[-1] / best[-1]) == pytest.approx(Z_TENTH * math.sqrt(variance))


def test_half_hours_are_weighted_by_their_requests() -> None:
    minutes = np.zeros((2, 1440))
    minutes[0, :720], minutes[0, 720:] = 100, 300
    minutes[1, 720:] = 3
    line = burn_rate_line(minutes, 0.01)
    assert line.mean == pytest.approx(0.75)  # 2 160 of 288 000 requests, against one per cent
    assert line.points == 48


def test_requests_are_the_mean_of_the_same_hours_of_a_week() -> None:
    days = np.array([[1000.0 * (day + 1) + hour for hour in range(24)] for day in range(9)])
    hours = np.append(days.reshape(-1), 5.0)  # the hour that is not over says nothing
    found = expected_requests(hours, 77.0, 30)
    assert found[:24].tolist() == days[-7:].mean(0).tolist()
    assert found[24:].tolist() == found[:6].tolist()


def test_requests_of_a_young_service_are_what_there_is() -> None:
    young = np.array([0.0, 0.0, 0.0, 40.0, 0.0, 60.0, 5.0])
    found = expected_requests(young, 77.0, 24)
    assert found[-3:].tolist() == [40, 0, 60]
    assert found[:-3].tolist() == [77] * 21
    assert expected_requests(np.zeros(5), 0.0, 3).tolist() == [0, 0, 0]
