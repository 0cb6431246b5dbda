"""Events sent in, figures read from REST, against sums made by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from common.config.clock import rfc3339
from common.events import MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from tests.support.flow import create_service, create_target, get, send, wait_for
from tests.support.servers.stack import Stack

HOUR = timedelta(hours=1)


def events(service: str, counts: list[tuple[int, int]], **more: Any) -> list[dict[str, Any]]:
    """Return one event for each (total, bad), a minute apart, the newest half a minute old."""
    newest = datetime.now(UTC) - timedelta(seconds=30)
    return [
        {
            "service": service,
            "source": "story",
            "event_id": f"{service}-{i}",
            "timestamp": rfc3339(newest - timedelta(minutes=i)),
            "total": total,
            "bad": bad,
            **more,
        }
        for i, (total, bad) in enumerate(counts)
    ]


def totals(total: int, bad: int) -> Any:
    """Return a condition: every objective counts exactly this."""
    return lambda body: all((s["total"], s["bad"]) == (total, bad) for s in body["slos"])


def test_availability_and_error_rate_by_hand(stack: Stack) -> None:
    create_service(stack, "orders")
    create_target(
        stack, "orders", name="up", sli_type="availability", objective=99.5, window_days=7
    )
    create_target(stack, "orders", name="errors", sli_type="error_rate", max_error_ratio=0.02)
    send(stack, events("orders", [(1000, 30), (1000, 10)] + [(1000, 0)] * 18))
    body = wait_for(stack, "/api/slo/orders", totals(20_000, 40))
    up, errors = (next(s for s in body["slos"] if s["name"] == n) for n in ("up", "errors"))
    # 40 of 20 000 within the hour and the day; 40 of the newest five reports in the short window
    assert up["objective"] == 0.995
    assert up["burn_rate_1h"] == pytest.approx(0.002 / 0.005)
    assert up["burn_rate_24h"] == pytest.approx(0.002 / 0.005)
    assert up["burn_rate_5m"] == pytest.approx(0.008 / 0.005)
    composite = 0.40 * 1.6 + 0.35 * 0.4 + 0.25 * 0.4
    assert up["composite_burn_rate"] == pytest.approx(composite)
    assert up["error_budget_consumed"] == pytest.approx(40 / (0.005 * 20_000))
    assert up["error_budget_remaining"] == pytest.approx(1 - 0.4)
    assert errors["objective"] == pytest.approx(0.98)
    assert errors["error_budget_consumed"] == pytest.approx(40 / (0.02 * 20_000))
    assert body["risk_level"] == "SAFE"
    assert body["data_status"] == "ok"


def test_latency_by_hand_and_a_threshold_that_moves(stack: Stack) -> None:
    latency = {"bounds": [0.1, 0.5, 1.0], "counts": [700, 200, 60, 40]}
    send(stack, events("media", [(1000, 0)] * 10, latency=latency))
    wait_for(stack, "/api/slo/media", totals(10_000, 0))
    target = create_target(
        stack,
        "media",
        name="fast",
        sli_type="latency",
        objective=0.9,
        threshold_seconds=0.5,
        window_days=28,
    )
    body = wait_for(stack, "/api/slo/media", totals(10_000, 1_000))
    assert body["slos"][0]["error_budget_consumed"] == pytest.approx(1.0)
    assert body["slos"][0]["windows"]["24h"]["coverage_ratio"] == 1.0
    assert body["slos"][0]["reported_seconds"] in {3600, 7200}
    changed = {
        "name": "fast",
        "sli_type": "latency",
        "objective": 0.96,
        "threshold_seconds": 1.0,
        "window_days": 28,
        "reason": "slow answers are fast enough",
    }
    with stack.client() as client:
        answer = client.put(f"/api/slo/targets/{target['id']}", json=changed)
        assert answer.status_code == 200, answer.text
        answer = client.put(
            f"/api/slo/targets/{target['id']}", json={**changed, "threshold_seconds": 0.7}
        )
        assert answer.status_code == 422
        assert "0.5" in answer.text
        assert "1.0" in answer.text
    body = wait_for(stack, "/api/slo/media", totals(10_000, 400))
    assert body["slos"][0]["error_budget_consumed"] == pytest.approx(1.0)


def test_slow_requests_in_buckets_of_other_bounds_are_bad_and_what_straddles_is_uncertain(
    stack: Stack,
) -> None:
    fast = {"name": "fast", "sli_type": "latency", "objective": 0.99, "threshold_seconds": 0.25}
    old = {"bounds": [0.25, 1], "counts": [9000, 0, 0]}
    new = {"bounds": [0.5, 5], "counts": [0, 0, 1000]}
    send(stack, events("pods", [(9000, 0)], latency=old))
    wait_for(stack, "/api/slo/pods", totals(9000, 0))
    create_target(stack, "pods", **fast, window_days=30)
    send(stack, events("pods", [(1000, 0)], latency=new, source="new"))
    [slo] = wait_for(stack, "/api/slo/pods", totals(10_000, 1000))["slos"]
    assert (slo["risk_level"], slo["uncertain"], slo["bad_events_left"]) == ("FREEZE", 0, -900)
    assert slo["windows"]["5m"]["coverage_ratio"] == 1.0
    straddling = {"bounds": [0.1, 0.5], "counts": [200, 300, 0]}
    send(stack, events("pods", [(500, 0), (500, 0)], latency=straddling, source="newest"))
    [slo] = wait_for(stack, "/api/slo/pods", totals(11_000, 1600))["slos"]
    assert (slo["uncertain"], slo["windows"]["5m"]["uncertain"]) == (600, 600)
    assert slo["composite_burn_rate"] == pytest.approx(1600 / 110)
    assert slo["composite_burn_rate_least"] == 1000 / 110
    decision = wait_for(
        stack,
        "/api/release/pods",
        lambda body: "partial_coverage" in {reason["code"] for reason in body["reasons"]},
    )
    [reason] = [r for r in decision["reasons"] if r["code"] == "partial_coverage"]
    assert (decision["decision"], reason["threshold"]) == ("BLOCK", 0.99)
    assert reason["observed"] == pytest.approx(1 - 600 / 11_000)

    # at the bound of the newer pods nothing of what is kept is uncertain any more
    moved = {**fast, "threshold_seconds": 0.5, "reason": "the bound of the newer pods"}
    with stack.client() as client:
        answer = client.put(f"/api/slo/targets/{slo['id']}", json=moved)
        assert answer.status_code == 200, answer.text
    [slo] = wait_for(stack, "/api/slo/pods", totals(11_000, 1000))["slos"]
    assert (slo["uncertain"], slo["error_budget_remaining_most"]) == (0, None)


def test_each_target_is_held_against_its_own_indicator(stack: Stack) -> None:
    up = {"sli_type": "availability", "objective": 0.9, "window_days": 7}
    latency = {"bounds": [0.1, 0.5], "counts": [60, 30, 10]}
    send(stack, events("till", [(1000, 5)]))
    send(stack, events("till", [(100, 20)], indicator="payments", latency=latency))
    wait_for(stack, "/api/slo/till", totals(1000, 5))
    create_target(stack, "till", name="up", **up)
    paid = create_target(stack, "till", name="paid", indicator="payments", **up)
    fast = {**up, "sli_type": "latency", "threshold_seconds": 0.5, "indicator": "payments"}
    create_target(stack, "till", name="fast", **fast)
    counted = {"up": (1000, 5), "paid": (100, 20), "fast": (100, 10)}

    def all_counted(body: Any) -> bool:
        return {s["name"]: (s["total"], s["bad"]) for s in body["slos"]} == counted

    body = wait_for(stack, "/api/slo/till", all_counted)
    assert {s["name"]: s["indicator"] for s in body["slos"]} == {
        "up": "default",
        "paid": "payments",
        "fast": "payments",
    }
    assert (body["slo_name"], body["composite_burn_rate"]) == ("paid", pytest.approx(2.0))
    since = rfc3339(datetime.now(UTC) - HOUR)
    whole = get(stack, f"/api/burn/till?indicator=payments&step=5m&from={since}")
    assert (whole["slo_id"], whole["indicator"]) == (paid["id"], "payments")
    assert sum(point["total"] for point in whole["points"]) == 100
    preview = get(stack, "/api/slo/till/preview?objective=0.9&indicator=payments")
    assert (preview["would_be"]["total"], preview["would_be"]["bad"]) == (100, 20)
    forecast = wait_for(stack, "/api/forecast/till", lambda body: len(body["slos"]) == 3)
    assert {slo["name"] for slo in forecast["slos"]} == set(counted)
    [own] = get(stack, f"/api/counts?service=till&from={since}")["services"]
    assert {s["name"]: (s["total"], s["bad"]) for s in own["slos"]} == counted
    create_target(stack, "till", name="unheard", indicator="refunds", **up)
    decision = wait_for(stack, "/api/release/till", lambda body: body["data_status"] == "no_data")
    messages = {reason["code"]: reason["message"] for reason in decision["reasons"]}
    assert messages["no_data"] == "till/refunds has not reported yet"
    with stack.client() as client:
        answer = client.get("/api/burn/till?indicator=nothing")
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (422, "unknown_indicator")


def test_one_report_of_an_hour_moves_nothing(stack: Stack) -> None:
    send(stack, events("odd", [(100, 0)] * 5))
    send(stack, events("odd", [(100, 0)], source="backfill", window_seconds=3600))
    body = wait_for(stack, "/api/slo/odd", totals(600, 0))
    assert (body["resolution_seconds"], body["stale_after_seconds"]) == (10, 300)
    assert body["short_window_seconds"] == 300


def test_a_first_report_with_one_failure_does_not_block(stack: Stack) -> None:
    send(stack, events("newcomer", [(700, 1)]))
    [slo] = wait_for(stack, "/api/slo/newcomer", totals(700, 1))["slos"]
    assert (slo["reported_seconds"], slo["coverage_ratio"]) == (3600, 1 / 720)
    assert slo["error_budget_remaining"] == -3 / 7
    decision = wait_for(stack, "/api/release/newcomer", lambda body: body["decision"] != "UNKNOWN")
    assert (decision["decision"], decision["allowed"]) == ("WARN", True)
    codes = {reason["code"] for reason in decision["reasons"]}
    assert {"budget_exhausted", "thin_evidence"} <= codes


@pytest.fixture
def bootstrap(stack: Stack) -> str:
    return stack.variables["KAFKA_BOOTSTRAP_SERVERS"]


def test_other_producers_partition_as_they_like(stack: Stack, bootstrap: str) -> None:
    """Its C library hashes keys otherwise, and records without a key go anywhere."""
    services = [f"shop-{i}" for i in range(12)]
    producer = Producer({"bootstrap.servers": bootstrap})
    for service in services:
        for event in events(service, [(100, i) for i in range(10)]):
            value = encode(_struct(event))
            producer.produce(METRICS.name, value, key=service)
            producer.produce(METRICS.name, value)
    assert producer.flush(30) == 0
    for service in services:
        wait_for(stack, f"/api/slo/{service}", totals(1_000, 45))
    misrouted = [
        wait_for(stack, f"/api/slo/{s}", lambda body: body["data_status"] == "ok")["counters"][
            "misrouted"
        ]
        for s in services
    ]
    assert sum(misrouted) > 0


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_records_that_their_producer_compressed_are_counted(
    stack: Stack, bootstrap: str, codec: str
) -> None:
    async def publish() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=codec) as client:
            for event in events(f"codec-{codec}", [(550, 1), (550, 0)]):
                await client.send_and_wait(METRICS.name, encode(_struct(event)))

    asyncio.run(publish())
    wait_for(stack, f"/api/slo/codec-{codec}", totals(1100, 1))


def test_behind_an_open_transaction_nothing_is_known_until_it_is_aborted(
    stack: Stack, bootstrap: str
) -> None:
    """A neighbour of its shard has reported 9000 failures that nobody can count yet."""
    send(stack, events("neighbour", [(1000, 0)]))
    wait_for(stack, "/api/slo/neighbour", totals(1000, 0))
    home = shard_of("neighbour", 4)

    async def leave_open_and_abort() -> None:
        client = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="left open")
        async with client:
            await client.begin_transaction()
            [one] = events("careless", [(1, 1)])
            await client.send_and_wait(METRICS.name, encode(_struct(one)), partition=home)
            await asyncio.to_thread(nothing_is_known)
            await client.abort_transaction()

    def nothing_is_known() -> None:
        send(stack, events("neighbour", [(9000, 9000)], source="later"))
        for path in ("/api/slo/neighbour", "/api/release/neighbour"):
            body = wait_for(stack, path, lambda body: body["data_status"] == "lagging")
        assert body["decision"] == "UNKNOWN"
        [lag] = [
            row
            for row in get(stack, "/api/ingest/lag")["shards"]
            if (row["service"], row["topic"], row["shard"]) == ("burnrate", METRICS.name, home)
        ]
        assert lag["stable_offset"] < lag["end_offset"]
        assert lag["lag_records"] == lag["end_offset"] - lag["next_offset"] == 2

    asyncio.run(leave_open_and_abort())
    body = wait_for(stack, "/api/slo/neighbour", totals(10_000, 9000))
    wait_for(stack, "/api/slo/neighbour", lambda body: body["data_status"] == "ok")
    assert body["slos"][0]["risk_level"] == "FREEZE"


def test_poison_on_the_topic_costs_nothing_good(stack: Stack, bootstrap: str) -> None:
    good = events("steady", [(10, 1)] * 5)

    async def publish() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        for number, event in enumerate(good):
            await producer.send_and_wait(METRICS.name, b"\xff{", key=b"steady")
            await producer.send_and_wait(METRICS.name, None, key=b"steady")
            await producer.send_and_wait(
                METRICS.name,
                encode(_struct(event)),
                key=b"steady",
                headers=[("correlation_id", b"\xfe"), (f"h{number}", b"")],
            )
        await producer.stop()

    asyncio.run(publish())
    wait_for(stack, "/api/slo/steady", totals(50, 5))


def test_sending_again_changes_nothing_also_across_a_restart(stack: Stack) -> None:
    sent = events("ledger-shop", [(500, 5)] * 6)
    send(stack, sent)
    send(stack, sent)
    wait_for(stack, "/api/slo/ledger-shop", totals(3_000, 30))
    stack.restart("burnrate")
    send(stack, sent)
    send(stack, events("after-ledger-shop", [(1, 0)]))
    wait_for(stack, "/api/slo/after-ledger-shop", totals(1, 0))
    body = wait_for(
        stack, "/api/slo/ledger-shop", lambda body: body["counters"]["duplicates"] == 12
    )
    assert totals(3_000, 30)(body)


def test_compute_answers_with_snapshots_of_that_command(stack: Stack) -> None:
    send(stack, events("asked", [(10, 0)]))
    wait_for(stack, "/api/slo/asked", totals(10, 0))
    with stack.client() as client:
        one = client.post("/api/burn/compute", json={"service_name": "asked"})
        everything = client.post("/api/burn/compute")
    assert one.status_code == 200, one.text
    assert everything.status_code == 200, everything.text
    assert "asked" in one.text
    known = {service["name"] for service in get(stack, "/api/services?limit=1000")}
    assert "asked" in known


def test_a_service_retired_and_created_again_keeps_its_history(stack: Stack) -> None:
    send(stack, events("phoenix", [(100, 1)] * 3))
    first = wait_for(stack, "/api/services/phoenix", lambda body: body["name"] == "phoenix")
    wait_for(stack, "/api/slo/phoenix", totals(300, 3))
    with stack.client() as client:
        assert client.delete("/api/services/phoenix").status_code == 204
        assert client.get("/api/slo/phoenix").status_code == 404
    send(stack, events("phoenix", [(100, 1)] * 4)[3:])
    create_service(stack, "phoenix")
    body = wait_for(stack, "/api/slo/phoenix", totals(400, 4))
    assert body["slos"][0]["default"]
    assert get(stack, "/api/services/phoenix")["id"] != first["id"]


def _struct(event: dict[str, Any]) -> MetricEvent:
    return MetricEvent(**{**event, "timestamp": datetime.fromisoformat(event["timestamp"])})
