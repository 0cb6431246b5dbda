"""What one sender does to a shard, beside a neighbour on it whose decisions stay those of now."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from common.kafka.sharding import shard_of
from tests.faults.harness.product import SERVICE, Product, reporting
from tests.faults.scenario import Scenario
from tests.support.burnrate_service import eventually
from tests.support.servers.cluster import SHARDS

PLACES: Final = 100
LATE: Final = 3_000
NAMES: Final = 10_000
EDGE: Final = timedelta(seconds=2)
"""So much younger than the bound is what is sent; it may be too old by the time it is read."""
FRESH_SECONDS: Final = 6.0
"""So long a decision holds here without being confirmed."""


async def decisions_of_neighbour(product: Product, ended: asyncio.Event) -> list[Any]:
    """Return what was said of the neighbour that was not ALLOW on fresh figures, until the end."""
    found = []
    while not ended.is_set():
        answer = await product.read(f"/api/release/{SERVICE}")
        said = answer["decision"], answer["risk_level"], answer["data_status"]
        age = answer["data_age_seconds"]
        if said != ("ALLOW", "SAFE", "ok") or age > FRESH_SECONDS:
            found.append((*said, age))
        await asyncio.sleep(0.1)
    return found


async def late_events(product: Product, key: str, name: str) -> None:
    """Send as many as stopped a shard, each at the very edge of the lateness bound."""
    edge = datetime.now(UTC) - timedelta(hours=24) + EDGE
    event = {"service": name, "source": "s", "timestamp": edge.isoformat(), "total": 1, "bad": 0}
    sent = [{**event, "event_id": str(number)} for number in range(LATE)]
    status = await product.write("ingest", "/v1/events", sent, key)
    assert status == httpx.codes.ACCEPTED


async def late_changes(product: Product, key: str, name: str) -> None:
    """Send what stopped the gate's shard: changes at the very edge of theirs."""
    edge = datetime.now(UTC) - timedelta(days=90) + EDGE
    change = {"service": name, "at": edge.isoformat(), "kind": "deploy"}
    sent = [{**change, "version": str(number)} for number in range(300)]
    status = await product.write("ingest", "/v1/changes", sent, key)
    assert status == httpx.codes.ACCEPTED


async def names(product: Product, key: str) -> None:
    """Send a hundred times as many names as there are places."""
    at = datetime.now(UTC).isoformat()
    event = {"source": "s", "timestamp": at, "total": 1, "bad": 0}
    statuses = set()
    for start in range(0, NAMES, 2_000):
        sent = [{**event, "service": f"flood-{start + number}"} for number in range(2_000)]
        statuses.add(await product.write("ingest", "/v1/events", sent, key))
    assert statuses == {httpx.codes.ACCEPTED, httpx.codes.TOO_MANY_REQUESTS}


async def counted(product: Product, service: str) -> int:
    """Return how many requests of a service are counted."""
    status = await product.read(f"/api/slo/{service}")
    total: int = 0 if status is None else status["slos"][0]["total"]
    return total


async def is_decided_since(product: Product, at: datetime) -> bool:
    """Return whether the gate has confirmed what it says since then."""
    decision = await product.read(f"/api/release/{SERVICE}")
    return datetime.fromisoformat(decision["evaluated_at"]) > at


async def test_a_neighbour_of_each_attack_is_decided_on_as_before(scenario: Scenario) -> None:
    product = Product(scenario, BURNRATE_MAX_SERVICES=str(PLACES))
    ended, shard = asyncio.Event(), shard_of(SERVICE, SHARDS)
    name = next(n for i in range(100) if shard_of(n := f"latecomer-{i}", SHARDS) == shard)
    async with reporting(product):
        await product.start()
        key = await product.new_key("ingest")
        watching = asyncio.create_task(decisions_of_neighbour(product, ended))
        for _ in range(2):
            await late_events(product, key, name)
            await late_changes(product, key, name)
        # or the flood could take the last place before this one has its own
        await eventually(lambda: counted(product, name), LATE)
        await names(product, key)

        attacked_at = datetime.now(UTC)
        await eventually(lambda: counted(product, name), LATE)
        await eventually(lambda: is_decided_since(product, attacked_at), expected=True)
        for process, member in product.members.items():
            assert await member.is_ready(), process
        ended.set()
    assert await watching == []
    await eventually(lambda: counted(product, SERVICE), 1000 * product.accepted)
