"""What is shown of a service: catalog and newest figures, and which figures those are."""

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from api_gateway.catalog.repository import CatalogStore
from api_gateway.projections.snapshots import ReadModel
from common.events import IngestCounters
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES, CATALOG
from common.slo.freshness import SHARD_SILENCE_SECONDS
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.burn_events import NOW, PARTITIONS, for_target, heartbeat, slo_status, snapshot
from tests.support.gateway.harness import WHY, GatewayHarness

SHARD = shard_of("checkout", PARTITIONS)
SLO = "/api/slo/checkout"
SILENCE = timedelta(seconds=SHARD_SILENCE_SECONDS)


async def test_a_service_never_seen_has_no_data(gateway: GatewayHarness) -> None:
    await gateway.service()
    report = await gateway.get(SLO)
    assert report["data_status"] == "no_data"
    assert (report["error_budget_consumed"], report["error_budget_remaining"]) == (0, 1)
    (default,) = report["slos"]
    assert (default["id"], default["default"]) == (None, True)
    assert (default["objective"], default["window_days"]) == (0.999, 30)
    assert report["timestamp"] == "2026-03-02T12:00:30Z"
    assert report["applied_through"] is None


@pytest.mark.parametrize(
    "gateway_settings",
    [{"default_objective": "0.95", "default_window_days": 7}],
    indirect=True,
)
async def test_the_default_objective_is_a_setting(gateway: GatewayHarness) -> None:
    await gateway.service()
    (default,) = (await gateway.get(SLO))["slos"]
    assert (default["objective"], default["window_days"]) == (0.95, 7)


async def test_figures_of_the_newest_snapshot_are_shown(gateway: GatewayHarness) -> None:
    await gateway.service()
    target = await gateway.target()
    slo = for_target(target, total=285_225, bad=1167, error_budget_consumed=4.0915)
    shot = snapshot("checkout", slo, counters=IngestCounters(misrouted=3))
    await gateway.feed(shot, heartbeat(SHARD))
    report = await gateway.get(SLO)
    assert report["data_status"] == "ok"
    assert report["risk_level"] == "DANGER"
    assert report["error_budget_consumed"] == 4.0915
    assert report["slo_id"] == target["id"]
    assert report["counters"]["misrouted"] == 3
    (shown,) = report["slos"]
    assert (shown["total"], shown["bad"]) == (285_225, 1167)
    assert shown["windows"]["5m"] == {
        "window_seconds": 300,
        "total": 10,
        "bad": 1,
        "burn_rate": 2.0,
        "uncertain": 0,
        "coverage_ratio": 1.0,
    }
    burn = await gateway.get("/api/burn")
    own = {k: v for k, v in report.items() if k not in {"slos", "decision_id"}}
    assert burn == [own]


async def test_the_greatest_epoch_and_instant_hold_in_any_order(gateway: GatewayHarness) -> None:
    await gateway.service()
    later = NOW + timedelta(seconds=1)
    shots = [
        snapshot("checkout", slo_status(total=1), epoch=1, evaluated_at=later),
        snapshot("checkout", slo_status(total=2), epoch=2, evaluated_at=NOW),
        snapshot("checkout", slo_status(total=3), epoch=2, evaluated_at=later),
    ]
    for order in itertools.permutations(shots):
        model = gateway.of(ReadModel)
        model._snapshots.clear()
        await gateway.feed(*order)
        assert (await gateway.get(SLO))["slos"][0]["total"] == 3


async def test_a_target_the_snapshot_does_not_know_yet_is_lagging(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    old = await gateway.target()
    await gateway.feed(snapshot("checkout", for_target(old)), heartbeat(SHARD))
    new = await gateway.target(name="strict", objective=0.9999)
    report = await gateway.get(SLO)
    assert report["data_status"] == "lagging"
    assert [slo["data_status"] for slo in report["slos"]] == ["ok", "lagging"]
    assert [slo["total"] for slo in report["slos"]] == [1000, 0]
    assert report["slo_id"] == old["id"]
    await gateway.feed(
        snapshot("checkout", for_target(old), for_target(new), evaluated_at=NOW + timedelta(1))
    )
    assert (await gateway.get(SLO))["data_status"] == "ok"


async def test_figures_of_an_older_revision_do_not_count(gateway: GatewayHarness) -> None:
    await gateway.service()
    old = await gateway.target()
    await gateway.feed(snapshot("checkout", for_target(old)), heartbeat(SHARD))
    await gateway.write("PUT", f"/api/slo/targets/{old['id']}", {"objective": 0.5, **WHY})
    report = await gateway.get(SLO)
    assert (report["data_status"], report["risk_level"]) == ("lagging", "SAFE")
    assert (report["slos"][0]["objective"], report["slos"][0]["bad"]) == (0.5, 0)


async def test_a_deleted_target_is_not_shown_and_speaks_no_more(gateway: GatewayHarness) -> None:
    await gateway.service()
    worst = await gateway.target()
    mild = await gateway.target(name="mild", objective=0.9)
    calm = for_target(mild, composite_burn_rate=0.1, risk_level=RiskLevel.SAFE)
    await gateway.feed(snapshot("checkout", for_target(worst), calm), heartbeat(SHARD))
    assert (await gateway.get(SLO))["risk_level"] == "DANGER"
    await gateway.write("DELETE", f"/api/slo/targets/{worst['id']}", WHY)
    report = await gateway.get(SLO)
    assert [slo["id"] for slo in report["slos"]] == [mild["id"]]
    assert (report["risk_level"], report["composite_burn_rate"]) == ("SAFE", 0.1)
    assert report["data_status"] == "ok"


async def test_the_default_goes_with_the_first_target_and_comes_back_after_the_last(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.feed(snapshot("checkout", slo_status(objective=0.99)), heartbeat(SHARD))
    report = await gateway.get(SLO)
    assert (report["slos"][0]["default"], report["slos"][0]["objective"]) == (True, 0.99)
    target = await gateway.target()
    shown = (await gateway.get(SLO))["slos"]
    assert [(slo["id"], slo["default"]) for slo in shown] == [(target["id"], False)]
    await gateway.feed(
        snapshot("checkout", for_target(target), evaluated_at=NOW + timedelta(seconds=1))
    )
    await gateway.write("DELETE", f"/api/slo/targets/{target['id']}", WHY)
    report = await gateway.get(SLO)
    assert [(slo["id"], slo["data_status"]) for slo in report["slos"]] == [(None, "lagging")]


async def test_a_silent_shard_is_lagging_whatever_it_last_said(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.feed(snapshot("checkout"), heartbeat(SHARD, NOW + timedelta(seconds=10)))
    gateway.now[0] = NOW + timedelta(seconds=10) + SILENCE - timedelta(microseconds=1)
    assert (await gateway.get(SLO))["data_status"] == "ok"
    gateway.now[0] += timedelta(microseconds=1)
    report = await gateway.get(SLO)
    assert report["data_status"] == "lagging"
    assert report["slos"][0]["data_status"] == "lagging"
    assert report["risk_level"] == "DANGER"
    assert (await gateway.get("/api/burn"))[0]["data_status"] == "lagging"
    await gateway.feed(heartbeat(SHARD, gateway.now[0]))
    assert (await gateway.get(SLO))["data_status"] == "ok"


async def test_another_shards_life_is_none_of_this_one(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.feed(snapshot("checkout"))
    gateway.now[0] = NOW + timedelta(seconds=60)
    await gateway.feed(heartbeat((SHARD + 1) % PARTITIONS, gateway.now[0]))
    assert (await gateway.get(SLO))["data_status"] == "lagging"


@pytest.mark.parametrize("status", [DataStatus.NO_DATA, DataStatus.STALE, DataStatus.NO_TRAFFIC])
async def test_the_graver_status_is_shown(gateway: GatewayHarness, status: DataStatus) -> None:
    await gateway.service()
    shot = snapshot("checkout", slo_status(data_status=status), data_status=status)
    await gateway.feed(shot)
    assert (await gateway.get(SLO))["data_status"] == status
    gateway.now[0] = NOW + timedelta(hours=1)
    expected = "no_data" if status is DataStatus.NO_DATA else "lagging"
    assert (await gateway.get(SLO))["data_status"] == expected


async def test_a_heartbeat_says_how_far_the_shard_got_without_a_change(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.feed(snapshot("checkout"), heartbeat(SHARD, NOW + timedelta(seconds=10)))
    report = await gateway.get(SLO)
    assert report["applied_through"] == "2026-03-02T12:00:40Z"
    assert report["timestamp"] == "2026-03-02T12:00:30Z"


async def test_a_service_that_reports_is_discovered_once(gateway: GatewayHarness) -> None:
    for name in ("cart", "cart", "checkout"):
        await gateway.feed(snapshot(name))
    await gateway.discovery.store_waiting()
    found = await gateway.get("/api/services")
    assert [(s["name"], s["tier"], s["owner"], s["description"]) for s in found] == [
        ("cart", 3, "", None),
        ("checkout", 3, "", None),
    ]
    await gateway.write("DELETE", "/api/services/cart")
    await gateway.feed(snapshot("cart", evaluated_at=NOW + timedelta(seconds=1)))
    await gateway.discovery.store_waiting()
    assert [s["name"] for s in await gateway.get("/api/services")] == ["checkout"]
    assert [b["service_name"] for b in await gateway.get("/api/burn")] == ["checkout"]


async def test_discovery_waits_for_the_database(gateway: GatewayHarness) -> None:
    gateway.database.failure = ConnectionRefusedError()
    await gateway.feed(snapshot("cart"))
    with pytest.raises(ConnectionRefusedError):
        await gateway.discovery.store_waiting()
    gateway.database.failure = None
    await gateway.discovery.store_waiting()
    assert [s["name"] for s in await gateway.get("/api/services")] == ["cart"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b'{"type": "unheard_of"}',
        b'{"type": "burn_rate_snapshot"}',
        b'{"type": "shard_heartbeat", "shard": "x"}',
    ],
)
async def test_no_record_stops_the_reader(gateway: GatewayHarness, value: bytes | None) -> None:
    await gateway.service()
    for topic in (BURNRATES.name, CATALOG.name, "another.topic"):
        await gateway.feed_bytes(topic, value)
    await gateway.feed(snapshot("checkout"))
    assert (await gateway.get(SLO))["data_status"] == "ok"


async def test_fields_of_later_versions_are_ignored(gateway: GatewayHarness) -> None:
    await gateway.service()
    event: dict[str, Any] = msgspec.to_builtins(snapshot("checkout"))
    await gateway.feed_bytes(BURNRATES.name, msgspec.json.encode({**event, "later": 1}))
    assert (await gateway.get(SLO))["data_status"] == "ok"


async def test_what_is_not_on_the_catalog_topic_is_announced_again(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.target()
    await gateway.service("cart")
    await gateway.write("DELETE", "/api/services/cart")
    events = await gateway.announced(CATALOG)
    model, catalog = gateway.of(ReadModel), gateway.of(CatalogStore)
    assert await catalog.republish(model.announced, NOW) == 3
    assert await gateway.announced(CATALOG) == events  # they wait there already
    await gateway.database.run("DELETE FROM catalog.outbox")
    assert await catalog.republish(model.announced, NOW) == 3
    assert await gateway.announced(CATALOG) == [events[3], events[0], events[1]]
    await gateway.feed(*events)
    assert await catalog.republish(model.announced, NOW) == 0
    await gateway.write("PUT", "/api/slo/targets/1", {"objective": 0.5, **WHY})
    assert await catalog.republish(model.announced, NOW) == 1
    model.forget_announcements()
    assert await catalog.republish(model.announced, NOW) == 3
