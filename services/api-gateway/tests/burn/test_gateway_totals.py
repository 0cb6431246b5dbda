"""/api/counts: what every objective counted over a span, as its history counts it."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from api_gateway.burn.steps import covering, minutes_from, whole_buckets
from common.slo.windows import DAY, HOUR, MINUTE
from tests.support.burn_events import NOW
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_counts, store_latency

SECONDS = int(NOW.timestamp())
NOON = SECONDS - 30


@pytest.mark.parametrize("seed", range(200))
def test_the_fewest_buckets_of_a_span_are_the_span(seed: int) -> None:
    chance = Random(seed)
    now = SECONDS + chance.randrange(HOUR)
    since = now - chance.choice((chance.randrange(1, 3 * HOUR), chance.randrange(1, 90 * DAY)))
    until = min(now, since + chance.choice((chance.randrange(1, 3 * HOUR), 90 * DAY)))
    begin, end = whole_buckets(since, until, now)
    spans = covering(begin, end, now)
    edges = [spans[0].since, *(span.until for span in spans)]
    assert edges[:-1] == [span.since for span in spans]
    assert edges[0] == begin
    assert edges[-1] == (end if end < now else -(-now // 10) * 10)
    for span, last in zip(spans, edges[1:], strict=True):
        length, seconds = span.resolution_seconds, (last or 0) - span.since
        assert span.since % length == seconds % length == 0
        assert length == HOUR or span.since >= minutes_from(now)
        assert length == HOUR or seconds < HOUR or end - begin < 2 * HOUR


async def test_a_span_counts_what_the_steps_of_its_history_count(gateway: GatewayHarness) -> None:
    chance = Random(7)
    for name in ("cart", "checkout"):
        await gateway.service(name)
        ages = [chance.randrange(60 * DAY) for _ in range(60)] + [
            chance.randrange(3 * HOUR) for _ in range(60)
        ]
        rows = [(SECONDS - age, 1000, chance.randrange(9), 10) for age in ages]
        await store_counts(gateway.database, name, rows)
    for seconds in (40, 90, 50 * MINUTE, 90 * MINUTE, DAY, 47 * HOUR, 49 * HOUR, 45 * DAY):
        for late in (0, 25 * MINUTE):
            until = NOW - timedelta(seconds=late)
            span = {"from": (until - timedelta(seconds=seconds)).isoformat()}
            span["to"] = until.isoformat()
            found = await gateway.get("/api/counts", **span)
            for row in found["services"]:
                history = await gateway.get(f"/api/burn/{row['service_name']}", **span, step="1m")
                points = history["points"]
                counted = sum(p["total"] for p in points), sum(p["bad"] for p in points)
                [slo] = row["slos"]
                assert (slo["total"], slo["bad"]) == counted
                assert (found["since"], found["until"]) == (history["since"], history["until"])
                one = await gateway.get("/api/counts", **span, service=row["service_name"])
                assert one["services"] == [row]


async def test_each_objective_counts_its_own(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.target(objective=0.99)
    await gateway.target(name="fast", sli_type="latency", objective=0.9, threshold_seconds=0.5)
    await store_counts(gateway.database, "checkout", [(NOON, 10, 1, 60)])
    for hours in (0, 60):
        end = NOON - hours * HOUR
        await store_latency(gateway.database, "checkout", (0.5, 1.0), [7, 2, 1], end)
    found = await gateway.get("/api/counts", **{"from": ago(days=4)})
    [row] = found["services"]
    totals = {slo["name"]: (slo["total"], slo["bad"]) for slo in row["slos"]}
    assert totals == {"main": (10, 1), "fast": (20, 6)}
    nobody: Any = await gateway.get("/api/counts", service="nobody")
    assert nobody["services"] == []


def ago(**parts: int) -> str:
    earlier: datetime = NOW - timedelta(**parts)
    return earlier.isoformat()
