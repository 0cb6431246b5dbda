"""The sentences, as people read them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.events import SloForecast
from common.slo.vocabulary import DataStatus
from forecast.domain.wording import Wording
from tests.support.burn_events import slo_status
from tests.support.gateway.forecasts import slo_forecast

AT = datetime(2026, 3, 4, 15, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 3, 20, tzinfo=UTC)


def said(**fields: Any) -> str:
    given: dict[str, Any] = {
        "name": "availability",
        "error_budget_remaining": 0.21,
        "current_burn_rate": 5.4,
        "p10_hours": 6.0,
        "p50_hours": 9.2,
        "p90_hours": 15.4,
        "unblocked_at": None,
        "unblocked_at_present_rate": None,
        "data_status": DataStatus.OK,
    }
    own = {"last_hour_hours": 9.0, "frozen": False, **fields}
    forecast = slo_forecast(
        **given | {n: own[n] for n in fields if n in SloForecast.__struct_fields__}
    )
    frozen, last_hour = own["frozen"], own["last_hour_hours"]
    return Wording(forecast, "checkout", 30, last_hour, frozen=frozen).message()


TREND = "At the present trend the 30 day budget of checkout (availability) is spent in about "
LEFT = f"{TREND}9 hours (6 to 15 hours); 21% of it is left."
LASTS = (
    "The 30 day budget of checkout (availability) is not expected to be spent within 30 days; "
    "21% of it is left, at a burn rate of 5.40."
)
SPENT = (
    "The 30 day budget of checkout (availability) is spent, 130% of it is used. It comes back by "
    "2026-03-04 15:04 UTC if no more errors come; at the present error rate not within 30 days."
)
NONE = {"p10_hours": None, "p50_hours": None, "p90_hours": None, "last_hour_hours": None}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, LEFT),
        ({"p10_hours": 8.8, "p90_hours": 9.4}, TREND + "9 hours; 21% of it is left."),
        ({"p10_hours": 0.5}, TREND + "9 hours (30 minutes to 15 hours); 21% of it is left."),
        (
            {"p90_hours": None},
            TREND + "9 hours (6 hours at the earliest, or not within 30 days); 21% of it is left.",
        ),
        (
            {"last_hour_hours": 2.0},
            f"{LEFT} If the errors of the last hour go on, it is spent in about 2 hours.",
        ),
        (NONE, LASTS),
        (
            {**NONE, "p10_hours": 100.0},
            LASTS + " In one of ten such cases it is spent within 4 days.",
        ),
        (
            {"frozen": True, "unblocked_at": AT},
            f"{LEFT} The level is FREEZE until 2026-03-04 15:04 UTC if no more errors come.",
        ),
        ({"error_budget_remaining": -0.3, "unblocked_at": AT, "frozen": True}, SPENT),
        (
            {**NONE, "data_status": DataStatus.STALE},
            LASTS + " The counts behind this are out of date: the service has stopped reporting.",
        ),
        (
            {**NONE, "data_status": DataStatus.LAGGING},
            LASTS + " The counts behind this are out of date: they lag.",
        ),
        (
            {**NONE, "data_status": DataStatus.NO_TRAFFIC},
            LASTS + " No requests are coming in at present.",
        ),
    ],
)
def test_sentences(fields: dict[str, Any], sentence: str) -> None:
    assert said(**fields) == sentence


def test_what_is_uncertain_is_said_beside_what_follows_from_taking_it_for_slow() -> None:
    text = said(error_budget_remaining_most=0.61, data_status=DataStatus.NO_TRAFFIC)
    assert "are taken for slow; if none of them was, 61% of the budget is left. No requests" in text


def test_a_spent_budget_that_comes_back_either_way() -> None:
    text = said(error_budget_remaining=0.0, unblocked_at=AT, unblocked_at_present_rate=LATER)
    assert "by 2026-03-04 15:04 UTC if no more" in text
    assert "at the present error rate by 2026-03-20 00:00 UTC" in text


def test_a_spent_budget_that_does_not_come_back() -> None:
    text = said(error_budget_remaining=-9.0)
    assert text.endswith("It does not come back within 30 days, even if no more errors come.")


def test_no_data_is_said() -> None:
    slo = slo_status(name="latency", data_status=DataStatus.NO_DATA)
    found = SloForecast.unreported("checkout", slo, "none")
    assert (found.name, found.data_status, found.models) == ("latency", DataStatus.NO_DATA, ())
    assert found.forecast_message == (
        "Nothing has been reported for checkout (latency) yet, so there is nothing to forecast "
        "from."
    )
