"""The catalog and the histories on PostgreSQL."""

import asyncio
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from api_gateway.burn.repository import CountStore
from api_gateway.burn.steps import CountQuery
from api_gateway.catalog.domain import service_changed, target_changed
from api_gateway.catalog.repository import CatalogStore
from api_gateway.projections.snapshots import ReadModel
from common.events import CatalogMessage, TargetSpec
from common.kafka.topics import CATALOG
from common.slo.vocabulary import SliType
from tests.support.burn_events import NOW
from tests.support.gateway.fixtures import SETTINGS, gateway_on
from tests.support.gateway.harness import GatewayHarness

HOUR = 3600
MAIN = TargetSpec("main", SliType.AVAILABILITY, Decimal("0.999"), 30, None, None, 1)


class Catalogue:
    """A gateway's catalog, and a look behind it."""

    def __init__(self, gateway: GatewayHarness) -> None:
        self.database, self.store = gateway.database, gateway.of(CatalogStore)
        self._gateway = gateway

    async def outbox(self) -> list[Any]:
        return await self.database.rows("SELECT * FROM catalog.outbox ORDER BY id")

    async def events(self) -> list[CatalogMessage]:
        return await self._gateway.announced(CATALOG)


@pytest.fixture
def catalogue(gateway: GatewayHarness) -> Catalogue:
    return Catalogue(gateway)


async def test_what_is_written_is_read_and_announced(catalogue: Catalogue) -> None:
    async with catalogue.store.write() as writer:
        service = await writer.add_service("checkout", 1, "payments", None)
        exact = TargetSpec(
            "errors", SliType.ERROR_RATE, Decimal("0.999999999999"), 7, None, Decimal("1e-12"), 5
        )
        errors = await writer.add_target(service, exact)
        slow = TargetSpec("slow", SliType.LATENCY, Decimal("0.9"), 90, 0.1, None, 0)
        latency = await writer.add_target(service, slow)
        changed = await writer.change_service(service.id, 2, "web", "Sells")
    async with catalogue.store.read() as reader:
        assert await reader.service("checkout") == changed
        assert await reader.targets(["checkout"]) == [errors, latency]
        assert await reader.target(errors.id) == errors
        assert errors.spec == exact
    assert (changed.tier, changed.owner, changed.description) == (2, "web", "Sells")
    assert changed.created_at == service.created_at
    assert await catalogue.events() == [
        service_changed(service),
        target_changed(errors),
        target_changed(latency),
        service_changed(changed),
    ]
    first, second, *_ = await catalogue.outbox()
    assert (first.topic, first.key) == ("slo.catalog.v1", b"service/checkout")
    assert first.dedup_key == f"service/checkout/{service.revision}"
    assert second.key == f"target/{errors.id}".encode()
    assert '"objective":"0.999999999999"' in second.value.decode()


async def test_a_write_that_fails_leaves_neither_row_nor_event(catalogue: Catalogue) -> None:
    async def add_and_fail() -> None:
        async with catalogue.store.write() as writer:
            await writer.add_service("checkout", 1, "", None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await add_and_fail()
    async with catalogue.store.read() as reader:
        assert await reader.service("checkout") is None
    assert await catalogue.outbox() == []


async def test_a_retired_service_takes_its_targets_along_and_comes_back_anew(
    catalogue: Catalogue,
) -> None:
    async with catalogue.store.write() as writer:
        service = await writer.add_service("checkout", 1, "", None)
        target = await writer.add_target(service, MAIN)
    async with catalogue.store.write() as writer:
        await writer.retire_service(service.id)
    async with catalogue.store.read() as reader:
        assert await reader.services("", 10) == []
        assert await reader.service("checkout") is None
        assert await reader.target(target.id) is None
        assert await reader.targets(["checkout"]) == []
        assert await reader.in_use(["checkout"]) == set()
    async with catalogue.store.write() as writer:
        assert await writer.discover(["checkout", "cart"]) != []
        again = await writer.add_service("checkout", 1, "", None)
    assert again.id > service.id
    async with catalogue.store.read() as reader:
        assert [s.name for s in await reader.services("", 10)] == ["cart", "checkout"]
        assert await reader.targets(["checkout"]) == []
    retired = [event for event in await catalogue.events() if event.retired]
    assert len(retired) == 2
    revisions = [event.revision for event in await catalogue.events()]
    assert revisions == sorted(set(revisions))


async def test_revisions_rise_in_the_order_of_the_commits(catalogue: Catalogue) -> None:
    async def rename(owner: str) -> None:
        async with catalogue.store.write() as writer:
            found = await writer.service("checkout")
            assert found
            await asyncio.sleep(0.001)
            await writer.change_service(found.id, 1, owner, None)

    async with catalogue.store.write() as writer:
        await writer.add_service("checkout", 1, "", None)
    await asyncio.gather(*(rename(str(i)) for i in range(12)))
    revisions = [event.revision for event in await catalogue.events()]
    assert revisions == sorted(set(revisions))
    async with catalogue.store.read() as reader:
        newest = await reader.service("checkout")
    assert newest
    assert newest.revision == revisions[-1]
    assert (await catalogue.events())[-1] == service_changed(newest)


async def test_two_gateways_discover_the_same_services_once(
    catalogue: Catalogue,
) -> None:
    names = [f"svc-{i}" for i in range(40)]
    async with gateway_on(SETTINGS, catalogue.database) as other:

        async def discover(store: CatalogStore) -> int:
            found = 0
            for name in names:
                async with store.write() as writer:
                    found += len(await writer.discover([name]))
            return found

        counts = await asyncio.gather(discover(catalogue.store), discover(other.of(CatalogStore)))
    assert sum(counts) == len(names)
    async with catalogue.store.read() as reader:
        found = await reader.services("", 100)
    assert sorted(names) == [service.name for service in found]
    assert {(s.tier, s.owner, s.description) for s in found} == {(3, "", None)}
    assert len(await catalogue.outbox()) == len(names)


async def test_what_the_topic_lost_is_announced_once(catalogue: Catalogue) -> None:
    async with catalogue.store.write() as writer:
        service = await writer.add_service("checkout", 1, "", None)
        await writer.add_target(service, MAIN)
        await writer.retire_service(service.id)
        newest = await writer.add_service("checkout", 2, "", None)
    events = await catalogue.events()
    await catalogue.database.run("DELETE FROM catalog.outbox")
    read_model = ReadModel(timedelta(), MAIN)
    assert await catalogue.store.republish(read_model.announced, NOW) == 2
    assert await catalogue.events() == [service_changed(newest), events[2]]
    assert await catalogue.store.republish(read_model.announced, NOW) == 2
    assert len(await catalogue.outbox()) == 2
    for event in events:
        read_model.apply_announcement(event)
    assert await catalogue.store.republish(read_model.announced, NOW) == 0


async def test_pages_follow_the_bytes_of_the_names(catalogue: Catalogue) -> None:
    names = ["a-b", "a.b", "a_b", "ab", "a", "a0", "b-1", "b.1", "b_1", "b1"]
    async with catalogue.store.write() as writer:
        for name in names:
            await writer.add_service(name, 3, "", None)
    seen: list[str] = []
    async with catalogue.store.read() as reader:
        while page := await reader.services(seen[-1] if seen else "", 3):
            seen += [service.name for service in page]
    assert seen == sorted(names)


ADD_TARGET = """INSERT INTO catalog.slo_targets
    (service_id, name, sli_type, objective, window_days)"""


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO catalog.services (name, tier, owner) VALUES ('checkout', 1, '')",
        "UPDATE catalog.services SET tier = 4",
        f"{ADD_TARGET} SELECT id, 'main', 'availability', 0.5, 30 FROM catalog.services",
        f"{ADD_TARGET} SELECT id, 'other', 'availability', 0.9990, 30 FROM catalog.services",
        "UPDATE catalog.slo_targets SET objective = 1",
        "UPDATE catalog.slo_targets SET sli_type = 'latency'",
        "UPDATE catalog.slo_targets SET max_error_ratio = 0.1",
    ],
)
async def test_the_tables_keep_the_rules_too(catalogue: Catalogue, statement: str) -> None:
    async with catalogue.store.write() as writer:
        service = await writer.add_service("checkout", 1, "", None)
        await writer.add_target(service, MAIN)
    with pytest.raises(IntegrityError):
        await catalogue.database.run(statement)


SERVICE = """INSERT INTO burnrate.service (service, shard, slot, newest_at)
    VALUES (:service, :shard, :slot, to_timestamp(:newest))"""
BLOCK = """INSERT INTO burnrate.count_block
    VALUES (:shard, :resolution, to_timestamp(:end), :counts)"""
LATENCY = """INSERT INTO burnrate.latency VALUES
    (:resolution, 'checkout', to_timestamp(:end), CAST(:bounds AS float8[]),
     CAST(:counts AS bigint[]))"""
FLOOR = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())


def query(threshold_seconds: float | None = None) -> CountQuery:
    return CountQuery("checkout", FLOOR - 3 * HOUR, FLOOR + 2 * HOUR, FLOOR, threshold_seconds)


async def test_counts_are_hours_then_minutes(catalogue: Catalogue) -> None:
    places = (("cart", 1, 0), ("checkout", 1, 1), ("search", 2, 0))
    services = [{"service": n, "shard": sh, "slot": sl, "newest": FLOOR} for n, sh, sl in places]
    await catalogue.database.run(SERVICE, *services)

    def block(shard: int, resolution: int, end: int) -> dict[str, object]:
        other, own = (9, 9, 9), (abs(end) + 1, 1, resolution)
        rows = [*other, *own] if shard == 1 else other
        packed = struct.pack(f"<{len(rows)}q", *rows)
        return {"shard": shard, "resolution": resolution, "end": FLOOR + end, "counts": packed}

    steps = (-3 * HOUR, -2 * HOUR, 0, 60, HOUR, 2 * HOUR, 2 * HOUR + 60)
    blocks = [block(sh, r, end) for sh in (1, 2) for r in (10, 60, 3600) for end in steps]
    # blocks from before the service was known, and without a report of it
    silent = [
        {**block(1, 60, 120), "counts": bytes(24)},
        {**block(1, 60, 180), "counts": bytes(48)},
    ]
    await catalogue.database.run(BLOCK, *blocks, *silent)
    async with CountStore(catalogue.database).read() as reader:
        counts, reports = await reader.counts(query()), await reader.reports(query())
        nothing = await reader.counts(CountQuery("nobody", 0, FLOOR, FLOOR))
    ends = [-2 * HOUR, 0, 60, HOUR, 2 * HOUR]
    assert counts.ends.tolist() == [FLOOR + end for end in ends]
    assert counts.total.tolist() == [abs(end) + 1 for end in ends]
    assert counts.bad.tolist() == [1] * 5
    assert reports.ends.tolist() == counts.ends.tolist()
    assert reports.window_seconds.tolist() == [3600, 3600, 60, 60, 60]
    assert [c.tolist() for c in (nothing.ends, nothing.total, nothing.bad)] == [[], [], []]


async def test_slow_requests_are_counted_whatever_the_bounds(
    catalogue: Catalogue,
) -> None:
    rows: list[tuple[int, list[float], list[int]]] = [
        (60, [0.1, 0.25, 1.0], [50, 30, 15, 5]),
        (60, [0.25], [7, 3]),
        (60, [0.1], [90, 10]),
        (120, [0.25 + 1e-9, 0.5], [1, 1, 1]),
        (180, [0.1, 0.25], [1, 2, 4]),
    ]
    histograms = [
        {"resolution": 60, "end": FLOOR + end, "bounds": bounds, "counts": counts}
        for end, bounds, counts in rows
    ]
    await catalogue.database.run(LATENCY, *histograms)
    async with CountStore(catalogue.database).read() as reader:
        slow = await reader.counts(query(0.25))
        slower = await reader.counts(query(1.0))
    async with catalogue.store.read() as catalog_reader:
        known = await catalog_reader.latency_bounds("checkout")
    assert slow.ends.tolist() == [FLOOR + 60, FLOOR + 120, FLOOR + 180]
    assert slow.total.tolist() == [210, 3, 7]
    assert slow.bad.tolist() == [20 + 3 + 10, 3, 4]
    # a bucket without an end holds the threshold, unless the last bound is the threshold
    assert slower.bad.tolist() == [5 + 3 + 10, 1, 4]
    assert sorted(known) == sorted({tuple(bounds) for _, bounds, _ in rows})
