"""One state and one moment wherever a decision is shown: overridden, ended, and by which ids."""

from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from api_gateway.catalog.cache import CatalogCache
from api_gateway.projections.handlers import Projections
from api_gateway.slo_exporter import SloMetrics
from common.kafka.topics import POLICIES
from tests.support.burn_events import NOW, PARTITIONS, heartbeat, snapshot
from tests.support.gateway.decisions import LIFETIME, decided, overriding
from tests.support.gateway.harness import GatewayHarness

PATH = "/api/release/checkout"
WANTED: dict[str, Any] = {
    "actor": "ana",
    "reason": "hotfix for the payment outage",
    "decision": "ALLOW",
    "expires_in_minutes": 0.3,
    "max_uses": 1,
}


async def overridden(gateway: GatewayHarness) -> Any:
    """Override a gate that blocks; return the override once a decision names it."""
    await gateway.service()
    made = (await gateway.write("POST", f"{PATH}/override", WANTED)).json()
    beats = [heartbeat(shard) for shard in range(PARTITIONS)]
    await gateway.feed(snapshot("checkout"), *beats, overriding(made))
    await gateway.feed(*await gateway.announced(POLICIES))
    return made


async def said(gateway: GatewayHarness) -> dict[str, object]:
    """Return what each of those that show a decision says of it."""
    [row] = (await gateway.get("/api/overview"))["services"]
    fleet = await gateway.get("/api/summary")
    narrative = await gateway.get("/api/summary/checkout")
    release = await gateway.get(PATH)
    facts = {fact["id"]: fact for fact in narrative["facts"]}
    registry = CollectorRegistry()
    of = gateway.of
    registry.register(SloMetrics(of(CatalogCache), of(Projections), gateway.services.clock, 10))
    states = [
        sample.labels["state"]
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "burnline_release_state"
    ]
    return {
        "release": (release["overridden"], release["decision"], release["allowed"]),
        "overview": (
            row["decision"]["overridden"],
            row["decision"]["decision"],
            row["decision"]["allowed"],
        ),
        "lists": (fleet["overridden_releases"], fleet["blocked_releases"]),
        "fact": facts["release"]["value"],
        "metrics": states,
    }


async def test_an_override_is_the_same_state_in_every_list(gateway: GatewayHarness) -> None:
    made = await overridden(gateway)
    assert await said(gateway) == {
        "release": (True, "ALLOW", True),
        "overview": (True, "ALLOW", True),
        "lists": (["checkout"], []),
        "fact": "OVERRIDDEN",
        "metrics": ["OVERRIDDEN"],
    }
    [row] = (await gateway.get("/api/overview"))["services"]
    shown = row["decision"]["override"]
    assert shown == {name: made[name] for name in shown}
    narrative = await gateway.get("/api/summary/checkout")
    assert "allowed by an override of bootstrap on behalf of ana until" in narrative["narrative"]


async def test_it_ends_in_every_list_also_while_the_gate_says_nothing_new(
    gateway: GatewayHarness,
) -> None:
    await overridden(gateway)
    ended = {
        "release": (False, "BLOCK", False),
        "overview": (False, "BLOCK", False),
        "lists": ([], ["checkout"]),
        "fact": "BLOCK",
        "metrics": ["BLOCK"],
    }
    gateway.now[0] = NOW + timedelta(seconds=18)
    assert gateway.now[0] < NOW + LIFETIME
    assert await said(gateway) == ended


async def test_its_last_use_ends_it_in_every_list(gateway: GatewayHarness) -> None:
    await overridden(gateway)
    used = (await gateway.write("POST", f"{PATH}/check")).json()
    assert (used["overridden"], used["override"]["uses"]) == (True, 1)
    await gateway.feed(*await gateway.announced(POLICIES))
    found = await said(gateway)
    assert (found["fact"], found["metrics"]) == ("BLOCK", ["BLOCK"])
    newest, *_ = await gateway.get(f"{PATH}/override")
    assert (newest["state"], newest["last_used_at"]) == ("used_up", "2026-03-02T12:00:30Z")


async def test_all_that_is_said_at_one_moment_names_the_same_snapshot_and_decision(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    taken = snapshot("checkout")
    beats = [heartbeat(shard) for shard in range(PARTITIONS)]
    made = decided("checkout", snapshot_id=taken.snapshot_id, newest_report_at=taken.newest_at)
    await gateway.feed(taken, *beats, made)
    [row] = (await gateway.get("/api/overview"))["services"]
    narrative = await gateway.get("/api/summary/checkout")
    release = await gateway.get(PATH)
    report = await gateway.get("/api/slo/checkout")
    burn = (await gateway.get("/api/burn/checkout"))["current"]
    counted = await gateway.get("/api/counts", **{"from": "2026-03-02T11:00:00Z"})
    named = [row, narrative, release, report, burn, counted["services"][0]]
    assert [one["snapshot_id"] for one in named] == [taken.snapshot_id] * len(named)
    deciding = [row["decision"], narrative, release, report]
    assert [one["decision_id"] for one in deciding] == [made.decision_id] * len(deciding)
    assert narrative["figures_at"] == report["timestamp"]
    assert release["newest_report_at"] == report["newest_at"]


async def test_a_target_that_was_just_set_is_no_fault_of_whoever_counts(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    beats = [heartbeat(shard) for shard in range(PARTITIONS)]
    await gateway.feed(snapshot("checkout"), *beats)
    await gateway.target()
    narrative = await gateway.get("/api/summary/checkout")
    assert narrative["data_status"] == "lagging"
    assert "an objective that has just been set" in narrative["narrative"]
    assert "burnrate" not in narrative["narrative"]
    assert [one["code"] for one in narrative["recommended_actions"]] == ["wait_for_figures"]
    gateway.now[0] = NOW + timedelta(minutes=5)
    silent = await gateway.get("/api/summary/checkout")
    assert "see whether the burnrate service runs" in silent["narrative"].lower()
