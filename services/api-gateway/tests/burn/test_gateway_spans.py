"""Spans over REST: every request is in one step, windows begin where live ones do."""

from datetime import timedelta
from typing import Any

import pytest

from common.slo.windows import DAY, HOUR, MINUTE
from tests.support.burn_events import NOW
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_counts, store_latency

SECONDS = int(NOW.timestamp())  # half a minute past noon
NOON = SECONDS - 30
BURN = "/api/burn/checkout"
PREVIEW = "/api/slo/checkout/preview"


def ago(**parts: int) -> str:
    return (NOW - timedelta(**parts)).isoformat()


def counted(history: Any) -> tuple[int, int]:
    """Return what all steps count together, which begin and end with the span."""
    points = history["points"]
    edges = [history["since"], *(point["timestamp"] for point in points)]
    assert edges == sorted(edges)
    assert edges[-1] == history["until"]
    whole = [p for p in points if not p["partial"]]
    assert all(p["step_seconds"] == history["step_seconds"] for p in whole)
    assert all(p["step_seconds"] < history["step_seconds"] for p in points if p["partial"])
    assert all(p["partial"] is False for p in points[1:-1])
    return sum(p["total"] for p in points), sum(p["bad"] for p in points)


async def test_the_edge_of_the_window_is_the_same_live_in_preview_and_history(
    gateway: GatewayHarness,
) -> None:
    """Live figures sum whole hours: the one that began 30 days ago has left the window."""
    await gateway.service()
    old = SECONDS - 30 * DAY + 5 * MINUTE
    await store_counts(
        gateway.database, "checkout", [(old, 1000, 100, 10), (SECONDS, 100_000, 0, 10)]
    )
    would = (await gateway.get(PREVIEW, objective="0.99"))["would_be"]
    assert (would["total"], would["bad"], would["error_budget_remaining"]) == (100_000, 0, 1)
    last = (await gateway.get(BURN))["points"][-1]
    assert (last["timestamp"], last["error_budget_remaining"]) == ("2026-03-02T12:00:30Z", 1)
    whole = await gateway.get(BURN, **{"from": ago(days=31), "step": "1h"})
    assert counted(whole) == (101_000, 100)


@pytest.mark.parametrize(("days", "edges"), [(45, 3 * HOUR), (89, 7 * HOUR), (30, 5 * HOUR)])
async def test_long_spans_keep_their_first_and_their_last_hours(
    gateway: GatewayHarness, days: int, edges: int
) -> None:
    await gateway.service()
    rows = [(SECONDS - ahead * HOUR, 100, 0, 10) for ahead in range(days * 24)]
    first, last = SECONDS - days * DAY + 60, SECONDS - 60
    before = SECONDS - days * DAY - edges  # the steps that were counted in their stead
    rows += [(first, 1000, 501, 10), (last, 100, 400, 10), (before, 9000, 0, 10)]
    await store_counts(gateway.database, "checkout", rows)
    history = await gateway.get(BURN, **{"from": ago(days=days), "step": "1h"})
    assert counted(history) == (days * 24 * 100 + 1100, 901)
    assert history["until"] == "2026-03-02T12:00:30Z"
    assert history["points"][-1]["partial"] is True


async def test_the_first_event_of_a_service_is_in_its_history(gateway: GatewayHarness) -> None:
    await gateway.service()
    await store_counts(gateway.database, "checkout", [(SECONDS - 3, 1000, 2, 10)])
    for step in ("1m", "5m", "1h", "2h"):
        history = await gateway.get(BURN, step=step)
        last = history["points"][-1]
        assert (last["data_status"], last["total"], last["bad"]) == ("ok", 1000, 2)
        assert last["partial"] is True
        assert last["burn_rate_5m"] == pytest.approx(2)


async def test_a_span_within_one_step_is_one_partial_step(gateway: GatewayHarness) -> None:
    await gateway.service()
    await store_counts(gateway.database, "checkout", [(NOON, 7, 1, 10), (NOON - 600, 90, 0, 10)])
    history = await gateway.get(BURN, **{"from": ago(minutes=5), "step": "1d"})
    [point] = history["points"]
    assert (point["step_seconds"], point["partial"]) == (330, True)
    assert counted(history) == (7, 1)


async def test_what_straddles_a_threshold_is_a_range_of_preview_and_history(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    end = NOON - 60 * HOUR  # of which only hours are kept
    await store_counts(gateway.database, "checkout", [(end, 1000, 0, 10), (SECONDS, 0, 0, 10)])
    await store_latency(gateway.database, "checkout", (0.1, 0.5), [900, 80, 20], end)
    asked = {"objective": "0.9", "threshold_seconds": "0.25"}
    would = (await gateway.get(PREVIEW, **asked))["would_be"]
    assert (would["total"], would["bad"], would["uncertain"]) == (1000, 100, 80)
    assert (would["error_budget_remaining"], would["error_budget_remaining_most"]) == (0, 0.8)
    exact = (await gateway.get(PREVIEW, **{**asked, "threshold_seconds": "0.5"}))["would_be"]
    assert (exact["bad"], exact["uncertain"], exact["error_budget_remaining_most"]) == (20, 0, None)


async def test_silence_is_no_level_of_a_preview(gateway: GatewayHarness) -> None:
    await gateway.service()
    rows = [(NOON - 29 * DAY - n * HOUR, 1000, 0, 60) for n in range(12)]
    await store_counts(gateway.database, "checkout", rows)
    would = (await gateway.get(PREVIEW, objective="0.99"))["would_be"]
    assert (would["data_status"], would["risk_level"]) == ("no_data", None)
    assert (would["total"], would["reported_seconds"]) == (12_000, 12 * HOUR)
    assert would["level_seconds"] == {"SAFE": 12 * HOUR, "OBSERVE": 0, "DANGER": 0, "FREEZE": 0}
    assert would["coverage_ratio"] == pytest.approx(0.5 / 30, rel=0.01)


async def test_a_service_that_has_just_fallen_silent_has_no_level_now(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await store_counts(gateway.database, "checkout", [(NOON - 20 * MINUTE, 1000, 0, 10)])
    would = (await gateway.get(PREVIEW, objective="0.99"))["would_be"]
    assert (would["data_status"], would["risk_level"]) == ("stale", None)


async def test_just_beyond_the_edge_of_the_minutes_an_hour_is_an_hour(
    gateway: GatewayHarness,
) -> None:
    """The full hour before the minutes begin was counted whole where only its end is asked for."""
    await gateway.service()
    edge = NOON - 48 * HOUR + HOUR  # the first full hour that all minutes after are kept of
    rows = [(edge + m * MINUTE, 100, 0 if m > -20 else 3, 60) for m in range(-300, 60)]
    await store_counts(gateway.database, "checkout", rows)
    span = {"from": (NOW - timedelta(hours=47)).isoformat(), "to": ago(hours=46), "step": "1m"}
    points = (await gateway.get(BURN, **span))["points"]
    for point in points[:40]:
        minute = int(point["timestamp"][14:16])
        bad = 3 * max(0, 60 - 20 - minute)
        assert point["burn_rate_1h"] == pytest.approx(bad / 6000 / 0.001), point["timestamp"]
        assert point["coarse_windows"] == ["24h"]
    on_the_hour = next(p for p in points if p["timestamp"].endswith(":00:00Z"))
    assert on_the_hour["coarse_windows"] == []


async def test_where_only_hours_are_kept_the_shortest_window_is_one_and_says_so(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await store_counts(gateway.database, "checkout", [(NOON - 50 * HOUR, 100, 1, 10)])
    span = {"from": ago(hours=51), "to": ago(hours=49), "step": "5m"}
    history = await gateway.get(BURN, **span)
    point = next(p for p in history["points"] if p["total"])
    assert history["step_seconds"] == HOUR
    assert (point["short_window_seconds"], point["coarse_windows"]) == (HOUR, ["5m"])
