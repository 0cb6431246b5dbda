"""Overrides, policies and audit on PostgreSQL: one transaction, one writer, nothing altered."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from api_gateway.audit.domain import AuditFilter
from api_gateway.audit.repository import AuditStore
from api_gateway.catalog.domain import Service
from api_gateway.catalog.repository import CatalogStore
from api_gateway.loosening.edit import Terms
from api_gateway.policy.domain import Override, override_changed
from api_gateway.policy.overrides import OverrideService
from api_gateway.policy.policies import PolicyService
from api_gateway.policy.repository import PolicyStore
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.domain import ProposedChange
from api_gateway.release.service import ReleaseService
from common.events import OverrideChanged, PolicyChanged, PolicyMessage
from common.kafka.topics import POLICIES
from common.storage.audit import AuditEntry, AuditEvent, ChainCheck
from tests.support.gateway.decisions import ALLOWING, overriding
from tests.support.gateway.harness import GatewayHarness

NOW = datetime(2026, 3, 2, 12, 0, 30, 123456, tzinfo=UTC)
SERVICE = Service(
    revision=1,
    id=1,
    name="checkout",
    tier=1,
    owner="payments",
    description=None,
    retired=False,
    created_at=NOW,
    updated_at=NOW,
)
WANTED = replace(ALLOWING, created_at=NOW, expires_at=NOW + timedelta(hours=1))


def by(reason: str) -> Terms:
    """Return a statement of ana."""
    return Terms(reason, "ana")


class Intents:
    """A gateway's overrides and policies, and a look behind them."""

    def __init__(self, gateway: GatewayHarness) -> None:
        self.gateway, self.database = gateway, gateway.database
        self.store, self.catalog = gateway.of(PolicyStore), gateway.of(CatalogStore)
        self.policies, self.overrides = gateway.of(PolicyService), gateway.of(OverrideService)
        self.read_model, self.decisions = gateway.of(ReadModel), gateway.of(DecisionBook)
        self.releases = gateway.of(ReleaseService)

    async def events(self) -> list[PolicyMessage]:
        return await self.gateway.announced(POLICIES)

    async def chain(self) -> list[AuditEntry]:
        async with AuditStore(self.database).read() as reader:
            return await reader.oldest(AuditFilter(), after=0, last=2**62, limit=10_000)

    async def create(self, **fields: Any) -> Override:
        return (await self.overrides.create(SERVICE, replace(WANTED, **fields))).override


@pytest.fixture
def intents(gateway: GatewayHarness) -> Intents:
    return Intents(gateway)


async def test_what_is_written_is_read_announced_and_audited(intents: Intents) -> None:
    before = len(await intents.chain())
    first = await intents.create(version="1.42.1", change_class="fix", max_uses=2, ticket="INC-1")
    second = await intents.create(version="1.42.1", change_class="fix", decision="WARN")
    async with intents.store.read() as reader:
        replaced = await reader.override(first.id)
        assert await reader.overrides("checkout", 2**62, 10) == [second, replaced]
        assert await reader.overrides("checkout", second.id, 10) == [replaced]
        assert await reader.in_force("checkout", NOW) == [second]
        assert await reader.in_force("checkout", second.expires_at) == []
    assert replaced is not None
    assert (replaced.state, replaced.end_reason) == (
        "replaced",
        f"replaced by override {second.id}",
    )
    wanted = [override_changed(o) for o in (first, second, replaced)]
    assert await intents.events() == wanted
    assert [e.revision for e in wanted] == sorted(e.revision for e in wanted)
    entries = (await intents.chain())[before:]
    actions = ["override.created", "override.created", "override.replaced"]
    assert [entry.action for entry in entries] == actions
    assert entries[0].at == NOW


async def test_a_write_that_fails_leaves_no_row_no_event_and_no_entry(intents: Intents) -> None:
    before = await intents.chain()

    async def add_and_fail() -> None:
        async with intents.store.write() as writer:
            await writer.add_override(WANTED)
            await writer.record(AuditEvent(NOW, "override.created", "override/1", None, {}, []))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await add_and_fail()
    async with intents.store.read() as reader:
        assert await reader.overrides("checkout", 2**62, 10) == []
    assert await intents.events() == []
    assert await intents.chain() == before


async def test_of_many_checks_at_once_only_as_many_pass_as_there_are_uses(
    intents: Intents,
) -> None:
    override = await intents.create(max_uses=5)
    shown = {"service_name": "checkout", "id": override.id, "version": None, "change_class": None}
    intents.decisions.apply(overriding({**shown, "decision": "ALLOW"}))
    checks = [intents.releases.check(SERVICE, ProposedChange(), NOW) for _ in range(16)]
    answers = await asyncio.gather(*checks)
    allowed = [found for found in answers if found.release.allowed]
    assert len(allowed) == 5
    assert sorted(found.override.uses for found in allowed if found.override) == [1, 2, 3, 4, 5]
    others = [found for found in answers if not found.release.allowed]
    assert {(f.release.decision, f.override) for f in others} == {("BLOCK", None)}
    async with intents.store.read() as reader:
        stored = await reader.override(override.id)
    assert stored is not None
    assert stored.uses == 5
    events = [e for e in await intents.events() if isinstance(e, OverrideChanged)]
    assert [e.uses for e in events] == [0, 1, 2, 3, 4, 5]
    uses = [e for e in await intents.chain() if e.subject == f"override/{override.id}"]
    assert [e.action for e in uses][-5:] == ["override.used"] * 5


async def test_nobody_counts_more_uses_than_there_are_whatever_the_code(intents: Intents) -> None:
    override = await intents.create(max_uses=1)
    with pytest.raises(DBAPIError, match="check constraint"):
        await intents.database.run(
            f"UPDATE catalog.overrides SET uses = 2 WHERE id = {override.id}"
        )


async def test_writers_at_the_same_time_make_one_chain(intents: Intents) -> None:
    before = len(await intents.chain())
    await asyncio.gather(*(intents.create(version=f"1.{n}") for n in range(12)))
    entries = await intents.chain()
    assert len(entries) == before + 12
    check = ChainCheck()
    assert [check.add(entry) for entry in entries] == [None] * len(entries)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE catalog.audit SET actor = 'boris'",
        "DELETE FROM catalog.audit WHERE id = 1",
        "TRUNCATE catalog.audit",
        "UPDATE catalog.audit SET actor = 'boris' WHERE false",
        "DELETE FROM catalog.audit_head",
        "TRUNCATE catalog.audit_head",
    ],
)
async def test_the_audit_refuses_to_be_changed(intents: Intents, statement: str) -> None:
    await intents.create()
    before = await intents.chain()
    with pytest.raises(DBAPIError, match="append-only"):
        await intents.database.run(statement)
    assert await intents.chain() == before


async def test_policies_are_stored_announced_and_come_back(intents: Intents) -> None:
    document = {"applies_to": {"services": ["checkout"]}, "hysteresis": {"burn_rate_below": 0.9}}
    assert await intents.policies.put("strict", document, by("payments are strict"), NOW)
    shown = await intents.policies.one("strict")
    assert shown.source == "api"
    assert shown.policy.hysteresis.burn_rate_below == 0.9
    assert (await intents.policies.in_force()).policy_for("checkout", 1).name == "strict"
    await intents.policies.retire("strict", by("payments are milder"), NOW)
    assert (await intents.policies.in_force()).policy_for("checkout", 1).name == "default"
    assert await intents.policies.put("strict", document, by("payments are strict"), NOW)
    events = [e for e in await intents.events() if isinstance(e, PolicyChanged)]
    assert [e.retired for e in events] == [False, True, False]
    assert {e.hash for e in events} == {shown.policy.policy_hash}
    assert [e.revision for e in events] == sorted({e.revision for e in events})


async def test_what_the_topic_has_lost_is_announced_again(intents: Intents) -> None:
    old = await intents.create(expires_at=NOW + timedelta(minutes=1))
    kept = await intents.create(version="1.42.1")
    await intents.policies.put(
        "strict", {"applies_to": {"tiers": [1]}}, by("payments are strict now"), NOW
    )
    written = await intents.events()
    later = NOW + timedelta(minutes=2)
    assert await intents.store.republish(intents.read_model.announced, later) == 2
    assert await intents.events() == written
    await intents.database.run("DELETE FROM catalog.outbox")
    assert await intents.store.republish(intents.read_model.announced, later) == 2
    again = await intents.events()
    assert {e.id for e in again if isinstance(e, OverrideChanged)} == {kept.id}
    assert old.id not in {e.id for e in again if isinstance(e, OverrideChanged)}
    for event in again:
        intents.read_model.apply_announcement(event)
    assert await intents.store.republish(intents.read_model.announced, later) == 0


async def test_a_deleted_service_takes_its_overrides_with_it(intents: Intents) -> None:
    async with intents.catalog.write() as writer:
        service = await writer.add_service("checkout", 1, "payments", None)
    override = await intents.create()
    async with intents.catalog.write() as writer:
        await writer.retire_service(service.id)
    async with intents.store.read() as reader:
        ended = await reader.override(override.id)
        assert await reader.in_force("checkout", NOW) == []
    assert ended is not None
    assert (ended.state, ended.ended_by) == ("revoked", "anonymous")
    assert [e.state for e in await intents.events() if isinstance(e, OverrideChanged)] == [
        "active",
        "revoked",
    ]
    assert (await intents.chain())[-1].action == "override.revoked"


async def test_the_same_key_is_stored_once_also_by_two_at_once(intents: Intents) -> None:
    made = await asyncio.gather(*(intents.create(idempotency_key="k") for _ in range(6)))
    assert {override.id for override in made} == {made[0].id}
    other = await intents.create(idempotency_key="k2")
    assert other.id != made[0].id
