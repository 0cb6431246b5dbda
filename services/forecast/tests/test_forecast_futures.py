"""Futures drawn from the days of the SLO window, and what they add to the trend."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.arrays import Ints
from common.events import SloForecast
from forecast.domain.futures import PATHS, drawn_gains, earlier, quantile
from tests.backtest.cases import case
from tests.backtest.scenarios import DAY, LEAD_SECONDS, MINUTE, Family, Scenario

DAYS = 7
BEFORE, AFTER = (DAYS * DAY + LEAD_SECONDS) // MINUTE, DAYS * DAY // MINUTE
DAY_MINUTES = DAY // MINUTE


def forecast_of(bad: Ints) -> SloForecast:
    """Return the forecast of a thousand requests a minute, of which these were bad before noon."""
    noon = 1_772_452_800
    total = np.full(BEFORE + AFTER, 1000, np.int64)
    counts = np.zeros(BEFORE + AFTER, np.int64)
    counts[:BEFORE] = bad
    first_end = noon - (BEFORE - 1) * MINUTE
    made = Scenario(Family.BURSTY, 0, first_end, BEFORE - 1, total, counts, Decimal("0.999"), DAYS)
    return case(made).forecast()


def bursts(*days_ago: float, budget_share: float) -> Ints:
    """Return a burst of ten minutes so many days ago each, that took such a part of the budget."""
    bad = np.zeros(BEFORE, np.int64)
    each = round(budget_share * DAYS * DAY_MINUTES / 10)
    for ago in days_ago:
        end = BEFORE - round(ago * DAY_MINUTES)
        bad[end - 10 : end] = each
    return bad


def test_bursts_that_come_again_and_again_are_expected_on_a_calm_day() -> None:
    found = forecast_of(bursts(1.4, 2.7, 3.3, 4.4, 5.9, budget_share=0.19))
    said = {model.model: model.hours for model in found.models}
    assert said["linear_regression"] is said["roll_off_last_hour"] is None  # a day without errors
    assert found.time_to_exhaustion_hours is not None
    assert found.p10_hours is not None
    assert found.p10_hours <= found.time_to_exhaustion_hours
    assert found.p90_hours is None, "or they do not come"
    assert found.forecast_message.startswith("With bursts of errors as in its window the 7 day")


def test_an_outage_that_came_once_is_not_expected_to_come_again() -> None:
    found = forecast_of(bursts(5.5, budget_share=0.6))
    assert found.time_to_exhaustion_hours is None
    assert "not expected to be spent" in found.forecast_message


def test_what_goes_on_evenly_is_forecast_by_its_trend() -> None:
    bad = np.zeros(BEFORE, np.int64)
    bad[-DAY_MINUTES:] = 4
    found = forecast_of(bad)
    assert found.time_to_exhaustion_hours == pytest.approx(18, rel=0.1)
    assert found.forecast_message.startswith("At the present trend")


def test_the_same_counts_make_the_same_forecast() -> None:
    bad = bursts(1.4, 2.7, 3.3, 4.4, 5.9, budget_share=0.19)
    assert forecast_of(bad) == forecast_of(bad)


@given(st.integers(0, 200), st.integers(1, 300))
def test_futures_are_made_of_days_that_there_were(hours_known: int, intervals: int) -> None:
    hours = np.zeros((2, 241))
    numbered = np.arange(1, hours_known + 1)
    hours[:, 240 - hours_known : 240] = np.stack([numbered, numbered * 0.5])
    hours[:, 240] = 10**6  # is not over yet
    gains = drawn_gains(hours, 0.1, intervals)
    if hours_known < 4 * 24:
        assert gains is None
        return
    assert gains is not None
    assert gains.shape == (PATHS, intervals)
    which = np.round(gains / 4).astype(int)  # 5 times the number, less the number
    assert (which >= 1).all()
    assert (which <= hours_known).all()
    inside = np.arange(1, intervals) % 24 != 0
    assert (np.diff(which, axis=1)[:, inside] == 1).all(), "a day stays together"


def test_without_errors_or_requests_nothing_is_drawn() -> None:
    assert drawn_gains(np.zeros((2, 100)), 0.1, 10) is None
    assert drawn_gains(np.stack([np.full(100, 9.0), np.zeros(100)]), 0.1, 10) is None


@pytest.mark.parametrize(
    ("times", "share", "found"),
    [
        ([3.0, 1.0, None, 2.0], 0.5, 2.0),
        ([3.0, 1.0, None, None], 0.5, 3.0),
        ([3.0, None, None, None], 0.5, None),
        ([3.0, 1.0, None, 2.0], 0.1, 1.0),
        ([3.0], 0.5, 3.0),
        ([], 0.5, None),
    ],
)
def test_the_time_by_which_a_share_has_come(
    times: list[float | None], share: float, found: float | None
) -> None:
    assert quantile(times, share) == found


def test_never_is_later_than_any_time() -> None:
    assert earlier(None, 2.0) == earlier(2.0, None) == earlier(2.0, 3.0) == 2.0
    assert earlier(None, None) is None
