"""From counts to a forecast in REST, through the whole stack on real servers."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.config.clock import rfc3339
from tests.support.flow import (
    create_service,
    create_target,
    get,
    rows,
    run_import,
    send,
    wait_for,
)
from tests.support.servers.stack import Stack

STEP = timedelta(minutes=10)
QUIET, BURNING = timedelta(hours=96), timedelta(hours=30)
BURN_RATE = 3
PATH = "/api/forecast/burning"


def history(until: datetime) -> list[dict[str, Any]]:
    """Return reports of ten minutes each: four quiet days, then thirty hours at three times."""
    steps = int((QUIET + BURNING) / STEP)
    burning = int(BURNING / STEP)
    return [
        {
            "service": "burning",
            "source": "test",
            "event_id": str(step),
            "timestamp": rfc3339(until - (steps - 1 - step) * STEP),
            "window_seconds": int(STEP.total_seconds()),
            "total": 1000,
            "bad": BURN_RATE if step >= steps - burning else 0,
        }
        for step in range(steps)
    ]


@pytest.fixture(scope="module")
def burning(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack with a service whose budget is spent in eighteen hours."""
    events = history(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30))
    file: Path = tmp_path_factory.mktemp("forecast") / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    create_service(stack, "burning", tier=1)
    create_target(
        stack,
        "burning",
        name="availability",
        sli_type="availability",
        objective=0.999,
        window_days=7,
    )
    run_import(stack, file)
    return stack


def test_what_is_spent_and_what_burns_make_the_forecast(burning: Stack) -> None:
    # spent are 30 h at three times; with t more hours 3 (30 + t) meets 126 + t
    hours = ((QUIET + BURNING) / timedelta(hours=1) - 90) / (BURN_RATE - 1)
    body = wait_for(
        burning,
        PATH,
        lambda body: body["time_to_exhaustion_hours"] == pytest.approx(hours, rel=0.1),
    )
    assert body["p10_hours"] < body["p50_hours"] == body["time_to_exhaustion_hours"]
    assert body["p50_hours"] < body["p90_hours"]
    assert (body["confidence_level"], body["burn_rate_trend"]) == ("high", "stable")
    assert body["data_points_used"] in {48, 49}
    assert body["error_budget_remaining"] == pytest.approx(1 - 90 / 126, abs=0.01)
    assert (
        "the 7 day budget of burning (availability) is spent in about 18 hours"
        in body["forecast_message"]
    )
    said = {model["model"]: model["hours"] for model in body["models"]}
    assert said["roll_off"] == body["p50_hours"]
    assert said["window_over_burn_rate"] == pytest.approx(7 * 24 / BURN_RATE, rel=0.05)
    assert body["unblocked_at"] is not None  # three times is above two: frozen
    [row] = rows(burning, "SELECT payload FROM forecast.forecast WHERE service = 'burning'")
    assert json.loads(row["payload"])["slos"][0]["name"] == "availability"


def test_a_service_without_counts_has_a_forecast_that_says_so(stack: Stack) -> None:
    create_service(stack, "unseen")
    body = wait_for(stack, "/api/forecast/unseen", lambda body: body["data_status"] == "no_data")
    assert body["time_to_exhaustion_hours"] is None
    assert body["confidence_level"] == "low"
    assert "Nothing has been reported for unseen" in body["forecast_message"]


OUTAGE_EVERY, CALM_BEFORE, OUTAGES = timedelta(days=1), timedelta(days=3), 2


def daily_outages(until: datetime) -> list[dict[str, Any]]:
    """Return reports of an hour each: three calm days, then an outage of an hour on each of two."""
    hour = timedelta(hours=1)
    hours = int((CALM_BEFORE + OUTAGES * OUTAGE_EVERY) / hour)
    ages = [(hours - 1 - n) * hour for n in range(hours)]
    return [
        {
            "service": "nightly",
            "source": "test",
            "event_id": str(n),
            "timestamp": rfc3339(until - age),
            "window_seconds": 3600,
            "total": 1000,
            "bad": 400 if age in {12 * hour, 36 * hour} else 0,
        }
        for n, age in enumerate(ages)
    ]


def test_what_fails_for_an_hour_of_each_day_is_expected_to_go_on(
    stack: Stack, tmp_path: Path
) -> None:
    """Calm as it is now, the second outage to come spends the budget: 1600 of 1560, in 36 hours."""
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30)
    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in daily_outages(now)))
    create_service(stack, "nightly")
    create_target(
        stack,
        "nightly",
        name="availability",
        sli_type="availability",
        objective=0.99,
        window_days=7,
    )
    run_import(stack, file)
    body = wait_for(
        stack, "/api/forecast/nightly", lambda body: body["time_to_exhaustion_hours"] is not None
    )
    assert body["p10_hours"] <= 36
    assert body["p90_hours"] is None or body["p90_hours"] >= 36
    assert 18 <= body["time_to_exhaustion_hours"] <= 72


def slow_burn(until: datetime) -> list[dict[str, Any]]:
    """Return reports of ten minutes: calm days, then 25 hours of slow requests at 1.8 times."""
    steps, burning = int(SLOW_HISTORY / STEP), int(SLOW_BURN / STEP)
    return [
        {
            "service": "slowing",
            "source": "test",
            "event_id": str(step),
            "timestamp": rfc3339(until - (steps - step) * STEP),
            "window_seconds": int(STEP.total_seconds()),
            "total": 1000,
            "bad": 0,
            "latency": {
                "bounds": [0.25, 1],
                "counts": [982, 18, 0] if step >= steps - burning else [1000, 0, 0],
            },
        }
        for step in range(steps)
    ]


SLOW_HISTORY, SLOW_BURN = timedelta(hours=90), timedelta(hours=25)


def test_an_imported_burn_is_not_known_until_it_is_read(stack: Stack, tmp_path: Path) -> None:
    """While counts are imported no answer takes what is not read yet for a calm service."""
    now = datetime.now(UTC).replace(microsecond=0)
    path = "/api/forecast/slowing"
    live = {"service": "slowing", "source": "test", "timestamp": rfc3339(now), "total": 10}
    latency = {"bounds": [0.25, 1], "counts": [10, 0, 0]}
    send(stack, [{**live, "bad": 0, "latency": latency}])
    wait_for(stack, path, lambda body: body["forecast_status"] == "known")
    create_target(
        stack,
        "slowing",
        name="fast",
        sli_type="latency",
        objective=0.99,
        threshold_seconds=0.25,
    )
    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in slow_burn(now)))
    run_import(stack, file)
    seen: list[dict[str, Any]] = []

    def is_known(body: dict[str, Any]) -> bool:
        seen.append(body)
        return bool(body["forecast_status"] == "known" and body["error_budget_remaining"] < 0.6)

    body = wait_for(stack, path, is_known)
    hours = (SLOW_HISTORY - 1.8 * SLOW_BURN) / timedelta(hours=1) / 0.8
    assert body["slo_name"] == "fast"
    assert body["time_to_exhaustion_hours"] == pytest.approx(hours, rel=0.15)
    assert body["data_points_used"] == 48
    for said in seen[:-1]:
        if said["time_to_exhaustion_hours"] is None and said["error_budget_remaining"] < 0.9:
            assert said["forecast_status"] != "known"
            assert "not expected" not in said["forecast_message"]


def test_a_change_of_level_is_forecast_at_once_and_a_restart_loses_nothing(
    burning: Stack,
) -> None:
    at = rfc3339(datetime.now(UTC))
    event = {"service": "sudden", "source": "test", "timestamp": at, "total": 100, "bad": 0}
    send(burning, [event])
    wait_for(burning, "/api/forecast/sudden", lambda body: body["data_status"] == "ok")
    send(burning, [{**event, "bad": 50, "event_id": "outage"}])
    body = wait_for(
        burning, "/api/forecast/sudden", lambda body: body["time_to_exhaustion_hours"] == 0
    )
    assert body["error_budget_remaining"] < 0
    assert "is spent" in body["forecast_message"]

    before = get(burning, PATH)
    burning.restart("forecast")
    after = wait_for(burning, PATH, lambda body: body["evaluated_at"] > before["evaluated_at"])
    assert after["time_to_exhaustion_hours"] == pytest.approx(
        before["time_to_exhaustion_hours"], rel=0.05
    )
    [row] = rows(burning, "SELECT min(epoch) AS epoch FROM forecast.shard")
    assert row["epoch"] >= 2
