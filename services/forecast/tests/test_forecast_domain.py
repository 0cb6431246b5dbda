"""From counts and a snapshot's figures to a forecast: what must hold of every one."""

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import SloForecast, encode, first_spent
from common.slo.vocabulary import DataStatus, RiskLevel
from forecast.domain.forecast import look_ahead
from tests.backtest.cases import Case, case
from tests.backtest.scenarios import DAY, LEAD_SECONDS, MINUTE, Family, Scenario
from tests.support.gateway.forecasts import service_forecast, slo_forecast

DAYS = 7
BEFORE, AFTER = (LEAD_SECONDS + DAYS * DAY) // MINUTE, DAYS * DAY // MINUTE + 60
WINDOW_HOURS = DAYS * 24.0
HALF_PAST = 1_767_227_400  # 2026-01-01 00:30


def known(total: Any, bad: Any, objective: str = "0.999") -> Case:
    """Return the case of counts by minute: numbers, or arrays of BEFORE (+ AFTER) minutes."""
    counts = np.zeros((2, BEFORE + AFTER), np.int64)
    for row, given_counts in zip(counts, (total, bad), strict=True):
        row[: BEFORE + AFTER if np.isscalar(given_counts) else len(given_counts)] = given_counts
    first_end = HALF_PAST - (BEFORE - 1) * MINUTE
    cut = BEFORE - 1
    return case(
        Scenario(Family.QUIET, 0, first_end, cut, counts[0], counts[1], Decimal(objective), DAYS)
    )


def since(hours: float, value: int, before: int = 0) -> Any:
    """Return counts that are `value` from so many hours before now on."""
    found = np.full(BEFORE + AFTER, before, np.int64)
    found[BEFORE - round(hours * 60) :] = value
    return found


def numbers(forecast: SloForecast) -> list[float]:
    """Return every number in a forecast."""
    values = msgspec.to_builtins(forecast)
    return [v for v in [*values.values(), *(m["hours"] for m in values["models"])]
            if isinstance(v, float)]  # fmt: skip


def test_a_steady_burn_is_spent_when_the_counts_that_come_have_spent_it() -> None:
    steady = known(1000, since(24, 4))
    found = steady.forecast()
    assert found.time_to_exhaustion_hours == pytest.approx(steady.truth_hours, rel=0.02)
    assert found.p50_hours == found.time_to_exhaustion_hours
    assert (found.burn_rate_trend, found.confidence_level) == ("stable", "high")
    assert (found.model, found.data_points_used) == ("roll_off", 48)
    assert found.current_burn_rate == pytest.approx(4)
    assert found.error_budget_remaining == pytest.approx(1 - 24 * 4 / 168, abs=0.01)
    assert found.projected_exhaustion_time == steady.now + timedelta(
        hours=found.time_to_exhaustion_hours or 0
    )


def test_what_rolls_off_saves_a_budget_that_the_baselines_see_spent() -> None:
    # an outage six days ago took half of the budget; a little less than sustainable goes on
    bad = since(30, 1)
    bad[BEFORE - 6 * 1440 : BEFORE - 6 * 1440 + 60] = 100
    saved = known(1250, bad)
    assert saved.truth_hours is None
    found = saved.forecast()
    assert found.time_to_exhaustion_hours is None
    said = {model.model: model.hours for model in found.models}
    assert said["linear_regression"] == pytest.approx(
        found.error_budget_remaining * WINDOW_HOURS / 0.8, rel=0.01
    )


def test_a_spent_budget_is_spent_now_and_comes_back_when_the_counts_say() -> None:
    # one hour failed wholly three days ago: it leaves the window after four more days
    bad = np.zeros(BEFORE + AFTER, np.int64)
    bad[BEFORE - 3 * 1440 - 30 : BEFORE - 3 * 1440 + 30] = 1000
    found = known(1000, bad).forecast()
    assert found.time_to_exhaustion_hours == found.p10_hours == found.p90_hours == 0
    assert found.error_budget_remaining < 0
    spent = known(1000, bad)
    wait = found.unblocked_at - spent.now if found.unblocked_at else None
    assert wait == timedelta(hours=4 * 24 - 0.5)  # as the hour begins whose window leaves it out
    assert found.unblocked_at_present_rate == found.unblocked_at
    assert "is spent" in found.forecast_message


def test_a_lock_at_the_present_rate_may_never_end() -> None:
    found = known(1000, since(12, 30)).forecast()
    assert found.unblocked_at is not None
    assert found.unblocked_at_present_rate is None
    assert "at the present error rate not within 7 days" in found.forecast_message


def test_a_frozen_level_ends_when_the_windows_have_let_the_outage_go() -> None:
    # 20 minutes at 20 times, over by now; the budget is far from spent
    bad = np.zeros(BEFORE + AFTER, np.int64)
    bad[BEFORE - 21 : BEFORE - 1] = 20
    frozen = known(1000, bad)
    assert frozen.slo.risk_level is RiskLevel.FREEZE
    found = frozen.forecast()
    assert found.unblocked_at is not None
    ahead = round((found.unblocked_at - frozen.now).total_seconds() / 60)
    assert composite_after(bad, ahead) <= 2 < composite_after(bad, ahead - 1)
    assert "The level is FREEZE until" in found.forecast_message


@pytest.mark.parametrize(("days_ago", "level_ends_last"), [(1, False), (7, True)])
def test_two_locks_end_with_the_later_one(days_ago: int, level_ends_last: object) -> None:
    # the budget was spent in one hour long ago, the level is frozen by the last twenty minutes
    bad = np.zeros(BEFORE + AFTER, np.int64)
    bad[BEFORE - 21 : BEFORE - 1] = 400
    lately = known(1000, bad).forecast()
    began = BEFORE - days_ago * 1440
    bad[began : began + 60] = 1000
    both = known(1000, bad)
    assert both.slo.risk_level is RiskLevel.FREEZE
    assert both.slo.error_budget_remaining < 0
    found = both.forecast()
    assert found.unblocked_at is not None
    assert lately.unblocked_at is not None
    assert (found.unblocked_at == lately.unblocked_at) is level_ends_last
    assert found.unblocked_at >= lately.unblocked_at


def test_the_budgets_own_line_is_drawn_through_its_hours() -> None:
    # at four times the rate, and with nothing that leaves, it falls by 4 / 168 an hour
    burning = known(1000, since(30, 4))
    found = {model.model: model.hours for model in burning.forecast().models}
    left = burning.slo.error_budget_remaining
    assert found["predict_linear"] == pytest.approx(left * WINDOW_HOURS / 4, rel=0.01)


def composite_after(bad: Any, minutes: int) -> float:
    """Return the composite so many minutes from now, each window summed from its minutes."""
    end = BEFORE + minutes
    shares = [bad[end - n : end].sum() / (1000 * n) / 0.001 for n in (5, 60, 1440)]
    return float(0.4 * shares[0] + 0.35 * shares[1] + 0.25 * shares[2])


def test_where_nothing_blocks_nothing_ends() -> None:
    found = known(1000, 0).forecast()
    assert found.unblocked_at is None
    assert found.unblocked_at_present_rate is None
    assert found.time_to_exhaustion_hours is None
    assert found.p10_hours is None


def test_an_objective_without_counts_says_so() -> None:
    silent = known(0, 0)
    found = silent.forecast()
    assert found == SloForecast.unreported(silent.snapshot.service_name, silent.slo, "roll_off")
    assert (found.confidence_level, found.data_points_used) == ("low", 0)
    assert found.models == ()


@pytest.mark.parametrize("status", [DataStatus.STALE, DataStatus.LAGGING])
def test_old_counts_make_no_confident_forecast(status: DataStatus) -> None:
    good = known(1000, since(24, 4))
    slo = msgspec.structs.replace(good.slo, data_status=status)
    found = look_ahead(slo, good.snapshot, good.history, good.now)
    assert (found.data_status, found.confidence_level) == (status, "low")
    assert found.forecast_message.endswith("lag.") or "stopped reporting" in found.forecast_message


def test_a_service_that_has_just_begun_is_forecast_from_what_there_is() -> None:
    young = known(since(0.5, 1000), since(0.5, 500))
    found = young.forecast()
    assert found.time_to_exhaustion_hours == 0
    assert found.confidence_level == "low"
    assert found.data_points_used == 1


def test_more_errors_now_are_never_spent_later() -> None:
    hours = [known(1000, since(24, bad)).forecast().p50_hours for bad in (1, 2, 3, 5, 8)]
    known_hours = [WINDOW_HOURS if h is None else h for h in hours]
    assert known_hours == sorted(known_hours, reverse=True)
    assert known_hours[0] > known_hours[-1]


COUNTS = st.sampled_from([0, 1, 7, 1000, 10**6, 2**40])


@st.composite
def histories(draw: st.DrawFn) -> tuple[Any, Any, str]:
    """Counts that come in pieces, some of them huge, some without any traffic."""
    cuts = sorted(draw(st.lists(st.integers(0, BEFORE), min_size=3, max_size=3)))
    total = np.zeros(BEFORE + AFTER, np.int64)
    bad = np.zeros(BEFORE + AFTER, np.int64)
    for start, end in zip([0, *cuts], [*cuts, BEFORE], strict=True):
        requests = draw(COUNTS)
        total[start:end] = requests
        bad[start:end] = int(requests * draw(st.sampled_from([0, 1e-4, 0.01, 1])))
    return total, bad, draw(st.sampled_from(["0.5", "0.999", "0.999999999999"]))


@given(histories())
def test_no_number_is_infinite_and_the_quantiles_are_in_order(
    given_counts: tuple[Any, Any, str],
) -> None:
    found = known(*given_counts).forecast()
    assert all(math.isfinite(value) for value in numbers(found))
    order = [WINDOW_HOURS if h is None else h
             for h in (found.p10_hours, found.p50_hours, found.p90_hours)]  # fmt: skip
    assert order == sorted(order)
    assert all(0 <= hours <= WINDOW_HOURS for hours in order)
    assert (found.time_to_exhaustion_hours is None) == (found.projected_exhaustion_time is None)
    assert 0 <= found.fit_ratio <= 1
    assert "nan" not in found.forecast_message
    assert "inf" not in found.forecast_message.replace("information", "")
    encode(service_forecast("checkout", found))


def test_the_objective_that_is_spent_first_is_chosen_in_whatever_order_they_stand() -> None:
    def named(name: str, hours: float | None, burn: float = 1.0) -> SloForecast:
        return slo_forecast(name=name, time_to_exhaustion_hours=hours, current_burn_rate=burn)

    left = [
        named("never", None),
        msgspec.structs.replace(named("not known yet", None, 0.1), forecast_status="catching_up"),
        named("never, but worse", None, 3.0),
        named("late", 9.0),
        named("soon", 1.0),
        named("spent", 0.0),
    ]
    for name in ("spent", "soon", "late", "not known yet", "never, but worse", "never"):
        assert first_spent(left).name == first_spent(left[::-1]).name == name
        left = [slo for slo in left if slo.name != name]


def test_requests_are_expected_at_the_hours_they_came() -> None:
    # requests by day only: 12 busy hours, 12 idle ones; errors come with requests
    busy = np.arange(BEFORE + AFTER) // 720 % 2 == 0
    total = np.where(busy, 1000, 0)
    bad = np.where(busy, 3, 0)
    bad[: BEFORE - 1440] = 0
    daily = known(total, bad)
    found = daily.forecast()
    assert found.time_to_exhaustion_hours == pytest.approx(daily.truth_hours, rel=0.1)
