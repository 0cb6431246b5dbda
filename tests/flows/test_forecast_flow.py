"""From counts to a forecast in REST, through the whole stack on real servers."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flow import (
    create_service,
    create_target,
    get,
    instant,
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
            "timestamp": instant(until - (steps - 1 - step) * STEP),
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
        "the 7 day budget of burning (availability) is spent in about 18 h"
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


def test_a_change_of_level_is_forecast_at_once_and_a_restart_loses_nothing(
    burning: Stack,
) -> None:
    at = instant(datetime.now(UTC))
    event = {"service": "sudden", "source": "test", "timestamp": at, "total": 100, "bad": 0}
    send(burning, [event])
    wait_for(burning, "/api/forecast/sudden", lambda body: body["data_status"] == "ok")
    send(burning, [{**event, "bad": 50, "event_id": "outage"}])
    body = wait_for(
        burning, "/api/forecast/sudden", lambda body: body["time_to_exhaustion_hours"] == 0, 15
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
