"""Retiring services in bulk: which they are, what stays, what it costs, and what the audit says."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.support.burn_events import NOW
from tests.support.gateway.harness import GatewayHarness

PATH = "/api/services/purge"
SENDER = "key/4f1d09c2ab37"
DISCOVERED = """INSERT INTO catalog.services (name, tier, owner)
    SELECT 'flood-' || i, 3, '' FROM generate_series(1, CAST(:many AS int)) AS i"""
REPORTED = """INSERT INTO burnrate.service (service, shard, slot, newest_at, source, sender)
    SELECT name, 0, id, CAST(:newest AS timestamptz), :source, :sender FROM catalog.services
    ON CONFLICT DO NOTHING"""


async def reported(gateway: GatewayHarness, source: str, sender: str) -> None:
    """Let all services that have not reported yet do so for this sender."""
    await gateway.database.run(REPORTED, {"newest": NOW, "source": source, "sender": sender})


async def flood(gateway: GatewayHarness, many: int) -> None:
    await gateway.database.run(DISCOVERED, {"many": many})
    await reported(gateway, "shop", SENDER)


async def names(gateway: GatewayHarness) -> list[str]:
    return [row["name"] for row in await gateway.get("/api/services", limit="500")]


@pytest_asyncio.fixture(loop_scope="session")
async def flooded(gateway: GatewayHarness) -> GatewayHarness:
    """Five services of a flood, of which one has a target, beside one of somebody else."""
    await gateway.service("checkout")
    await reported(gateway, "till", "bootstrap")
    await gateway.service("flood-5")
    await gateway.target("flood-5")
    await flood(gateway, 4)
    return gateway


@pytest.mark.parametrize("which", [{"source": "shop"}, {"key": "4f1d09c2ab37"}, {"key": SENDER}])
async def test_what_one_sender_brought_is_shown_first_and_then_retired(
    flooded: GatewayHarness, which: dict[str, Any]
) -> None:
    shown = (await flooded.write("POST", PATH, which)).json()
    expected = {"matched": 4, "set_up": 1, "names": [f"flood-{i}" for i in range(1, 5)]}
    assert shown == {**expected, "retired": 0}
    assert len(await names(flooded)) == 6
    done = (await flooded.write("POST", PATH, {**which, "dry_run": False})).json()
    assert done == {**expected, "retired": 4}
    assert await names(flooded) == ["checkout", "flood-5"]
    again = (await flooded.write("POST", PATH, {**which, "dry_run": False})).json()
    assert (again["matched"], again["retired"]) == (0, 0)
    entry = (await flooded.audited())[-1]
    assert (entry.action, entry.actor, entry.subject) == (
        "services.purged",
        "bootstrap",
        "services",
    )
    assert entry.details["services"] == [f"flood-{i}" for i in range(1, 5)]


async def test_what_is_silent_for_long_is_retired(flooded: GatewayHarness) -> None:
    flooded.now[0] += timedelta(hours=3)
    recent = {"unseen_for_hours": 4, "dry_run": False}
    assert (await flooded.write("POST", PATH, recent)).json()["matched"] == 0
    silent = {"unseen_for_hours": 2.5, "source": "till", "dry_run": False}
    assert (await flooded.write("POST", PATH, silent)).json()["names"] == ["checkout"]


@pytest.mark.parametrize(
    "body", [{}, {"dry_run": False}, {"unseen_for_hours": -1}, {"source": "a", "all": True}]
)
async def test_all_services_are_not_purged_by_a_slip(
    flooded: GatewayHarness, body: dict[str, Any]
) -> None:
    answer = await flooded.write("POST", PATH, body)
    assert answer.status_code == 422
    assert len(await names(flooded)) == 6


async def test_ten_thousand_services_are_retired_by_one_or_a_thousand(
    gateway: GatewayHarness,
) -> None:
    await flood(gateway, 10_000)
    for i in range(1, 61):
        answer = await gateway.write("DELETE", f"/api/services/flood-{i}")
        assert answer.status_code == 204
    retired = 60
    body = {"key": SENDER, "dry_run": False}
    while part := (await gateway.write("POST", PATH, body)).json()["retired"]:
        retired += part
    assert retired == 10_000
    assert await names(gateway) == []


SUM = """INSERT INTO burnrate.dead_letter_sum VALUES ('slo.metrics.v1', 'too_many_services',
    'key/4f1d09c2ab37', :hour, 90000, :newest, 'shop-4711 is new')"""


async def test_what_is_only_counted_is_listed_by_cause(gateway: GatewayHarness) -> None:
    hour = NOW.replace(minute=0, second=0)
    await gateway.database.run(SUM, {"hour": hour, "newest": NOW})
    [found] = await gateway.get("/api/ingest/dead-letters/sums")
    assert (found["code"], found["sender"], found["records"]) == (
        "too_many_services",
        SENDER,
        90_000,
    )
