"""What is uncertain has its range beside each figure, wherever one is shown."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from common.events import BurnPair
from common.slo.windows import HOUR
from tests.support.burn_events import NOW, for_target, heartbeat, snapshot
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_counts, store_latency

MINUTE_END = int(NOW.timestamp()) - 30
BESIDE = {
    "composite_burn_rate": "composite_burn_rate_least",
    "error_budget_remaining": "error_budget_remaining_most",
    "hourly_burn_rates": "hourly_burn_rates_least",
}


def schemas_with(document: dict[str, Any], field: str) -> dict[str, dict[str, Any]]:
    schemas = document["components"]["schemas"].items()
    return {n: s["properties"] for n, s in schemas if field in s.get("properties", {})}


@pytest.mark.parametrize("figure", BESIDE)
def test_no_answer_has_a_figure_without_its_range(
    gateway_document: dict[str, Any], figure: str
) -> None:
    found = schemas_with(gateway_document, figure)
    assert found
    assert [name for name, own in found.items() if BESIDE[figure] not in own] == []


def test_no_answer_counts_bad_requests_without_those_that_may_be_good(
    gateway_document: dict[str, Any],
) -> None:
    found = schemas_with(gateway_document, "bad")
    beside = {"uncertain", "burn_rate_least"}
    assert len(found) > 4
    assert [name for name, own in found.items() if not beside & own.keys()] == []


async def test_each_answer_says_what_it_would_be_if_all_that_is_uncertain_was_fast(
    gateway: GatewayHarness,
) -> None:
    """100 requests: 90 were fast, 10 somewhere between fast and slow."""
    await gateway.service()
    target = await gateway.target(
        name="fast", sli_type="latency", objective=0.9, threshold_seconds=0.5
    )
    for end in (MINUTE_END, MINUTE_END - 60 * HOUR):  # of the older one histories read hours
        await store_counts(gateway.database, "checkout", [(end, 100, 0, 10)])
        await store_latency(gateway.database, "checkout", (0.25, 1.0), [90, 10, 0], end)
    pair = BurnPair(3600, 300, 14.4, 1.0, 10, 0.0)
    status = for_target(
        target, total=100, bad=10, composite_burn_rate=1.0, error_budget_remaining=0.0
    )
    slo = msgspec.structs.replace(
        status,
        uncertain=10,
        burn_pairs=(pair,),
        composite_burn_rate_least=0.0,
        error_budget_remaining_most=1.0,
    )
    await gateway.feed(snapshot("checkout", slo), *(heartbeat(shard) for shard in range(4)))

    since = (NOW - timedelta(days=4)).isoformat()
    [counted] = (await gateway.get("/api/counts", **{"from": since}))["services"]
    history = await gateway.get("/api/burn/checkout", **{"from": since})
    [listed] = await gateway.get("/api/burn")
    report = await gateway.get("/api/slo/checkout")
    [row] = (await gateway.get("/api/overview"))["services"]
    [heat] = (await gateway.get("/api/summary/heatmap"))["services"]
    [low] = (await gateway.get("/api/summary"))["lowest_budgets"]

    figures = [listed, report, report["slos"][0], row, history["current"], history["points"][-1]]
    assert [f["composite_burn_rate_least"] for f in figures] == [0] * len(figures)
    assert [f["error_budget_remaining_most"] for f in (*figures, low)] == [1] * (len(figures) + 1)
    totals = [counted["slos"][0], *(p for p in history["points"] if p["total"])]
    counts = [(t["total"], t["bad"], t["uncertain"]) for t in totals]
    assert counts == [(200, 20, 20), (100, 10, 10)]
    assert report["slos"][0]["burn_pairs"][0]["burn_rate_least"] == 0
    assert (row["hourly_burn_rates"][-2], row["hourly_burn_rates_least"][-2]) == (1, 0)
    assert [(c["burn_rate"], c["burn_rate_least"]) for c in heat["cells"] if c] == [(1, 0)]


async def test_what_is_certain_has_no_range(gateway: GatewayHarness) -> None:
    await gateway.service()
    await store_counts(gateway.database, "checkout", [(MINUTE_END, 100, 10, 10)])
    await gateway.feed(snapshot("checkout"), *(heartbeat(shard) for shard in range(4)))
    [row] = (await gateway.get("/api/overview"))["services"]
    assert (row["composite_burn_rate_least"], row["hourly_burn_rates_least"]) == (None, None)
    history = await gateway.get("/api/burn/checkout")
    ranges = [[point[name] for name in BESIDE.values() if name in point]
              for point in history["points"]]  # fmt: skip
    assert all(own == [None, None] for own in ranges)
    [heat] = (await gateway.get("/api/summary/heatmap"))["services"]
    assert [c["burn_rate_least"] for c in heat["cells"] if c] == [None]
