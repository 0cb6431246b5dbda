"""The overview and a target's preview."""

from datetime import timedelta
from typing import Any

import pytest

from api_gateway.burn.history import hour_ends
from common.slo.windows import MINUTE
from tests.support.burn_events import NOW, for_target, heartbeat, snapshot
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_counts, store_latency

HOUR = 3600
NOON = int(NOW.timestamp()) // HOUR * HOUR


async def row_of(gateway: GatewayHarness, name: str) -> Any:
    overview = await gateway.get("/api/overview")
    return next(row for row in overview["services"] if row["service_name"] == name)


async def test_a_line_says_what_the_status_says(gateway: GatewayHarness) -> None:
    await gateway.service()
    target = await gateway.target(objective=0.99)
    await gateway.feed(
        snapshot("checkout", for_target(target, total=1000, bad=2)),
        *(heartbeat(shard) for shard in range(4)),
    )
    status = await gateway.get("/api/slo/checkout")
    row = await row_of(gateway, "checkout")
    same = set(row) & set(status)
    assert same >= {"composite_burn_rate", "error_budget_remaining", "data_status", "slo_name"}
    assert {name: row[name] for name in same} == {name: status[name] for name in same}
    assert (row["tier"], row["owner"], row["objective"]) == (1, "payments", 0.99)
    assert row["bad_events_left"] == 8
    assert (row["slo_count"], row["default_slo"]) == (1, False)


async def test_a_service_that_never_reported_is_no_data(gateway: GatewayHarness) -> None:
    await gateway.service()
    row = await row_of(gateway, "checkout")
    assert row["data_status"] == "no_data"
    assert row["bad_events_left"] is None
    assert row["hourly_burn_rates"] == [None] * 24


async def test_hours_take_the_strictest_objective_and_the_slow_ones(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.target(objective=0.9)
    await gateway.target(name="stricter", objective=0.99)
    await gateway.target(name="fast", sli_type="latency", objective=0.9, threshold_seconds=0.5)
    rows = [
        (NOON - HOUR + MINUTE, 1000, 20, 60),
        (NOON, 0, 0, 60),
        (NOON + MINUTE, 1000, 10, 60),
    ]
    await store_counts(gateway.database, "checkout", rows)
    for end, counts in ((NOON, [500, 500]), (NOON - 99 * HOUR, [0, 1])):
        await store_latency(gateway.database, "checkout", (0.5,), counts, end)
    overview = await gateway.get("/api/overview")
    assert overview["hours_end"][-2:] == [NOON, NOON + HOUR]
    rates = overview["services"][0]["hourly_burn_rates"]
    assert rates[-2:] == pytest.approx([5.0, 1.0])
    assert rates[:-2] == [None] * 22


async def test_what_is_written_is_shown_at_once_and_nothing_is_sent_twice(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    first = await gateway.client.get("/api/overview")
    known = {"If-None-Match": first.headers["ETag"]}
    again = await gateway.client.get("/api/overview", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    await gateway.service("cart")
    later = await gateway.client.get("/api/overview", headers=known)
    assert [row["service_name"] for row in later.json()["services"]] == ["cart", "checkout"]


async def test_a_line_says_what_gate_and_forecast_say(gateway: GatewayHarness) -> None:
    await gateway.service()
    assert (await row_of(gateway, "checkout"))["decision"] is None
    await gateway.feed(
        snapshot("checkout"),
        *(heartbeat(shard) for shard in range(4)),
        decided("checkout", "BLOCK"),
    )
    gateway.now[0] += timedelta(seconds=3)
    row = await row_of(gateway, "checkout")
    release = await gateway.get("/api/release/checkout")
    shown = {name: release[name] for name in ("decision", "allowed")}
    assert {name: row["decision"][name] for name in shown} == shown
    assert row["decision"]["reason"] == release["reasons"][0]["message"]
    forecast = await gateway.get("/api/forecast/checkout")
    assert {name: forecast[name] for name in row["forecast"] if name != "name"} == {
        name: value for name, value in row["forecast"].items() if name != "name"
    }


def test_hours_end_with_the_one_that_runs() -> None:
    assert hour_ends(7200, 2).tolist() == [3600, 7200]
    assert hour_ends(7201, 2).tolist() == [7200, 10800]


async def test_a_preview_holds_stored_counts_against_another_objective(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    rows = [(NOON - m * MINUTE, 1000, 2 if m < 60 else 0, 60) for m in range(600)]
    await store_counts(gateway.database, "checkout", rows)
    path = "/api/slo/checkout/preview"
    easy = (await gateway.get(path, objective="0.999"))["would_be"]
    strict = (await gateway.get(path, objective="0.9999"))["would_be"]
    assert (easy["total"], easy["bad"]) == (600_000, 120)
    assert easy["error_budget_consumed"] == pytest.approx(0.2)
    assert strict["error_budget_consumed"] == pytest.approx(2.0)
    assert easy["level_seconds"]["FREEZE"] < strict["level_seconds"]["FREEZE"]
    assert sum(strict["level_seconds"].values()) == strict["reported_seconds"]
    assert 10 * HOUR <= strict["reported_seconds"] <= 12 * HOUR


@pytest.mark.parametrize("query", ["objective=0", "objective=0.9&window_days=8", "window_days=7"])
async def test_a_preview_of_what_is_no_target_is_refused(
    gateway: GatewayHarness, query: str
) -> None:
    await gateway.service()
    response = await gateway.client.get(f"/api/slo/checkout/preview?{query}")
    assert response.status_code == 422
