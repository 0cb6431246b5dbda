"""What the gateway reads of the gate's tables: decisions by id, changes by time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api_gateway.release.domain import ChangeQuery, StoredChange
from api_gateway.release.repository import ResultStore
from api_gateway.release.timeline import PastDecision
from common.events import ChangeEvent
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_change, store_decision

NOW = datetime(2026, 3, 2, 12, 0, 30, 123456, tzinfo=UTC)


async def changes(gateway: GatewayHarness, limit: int = 100, **fields: Any) -> list[StoredChange]:
    asked: dict[str, Any] = {
        "service_name": None,
        "since": NOW - timedelta(days=1),
        "until": NOW,
        "before": None,
        "limit": limit,
    }
    async with gateway.of(ResultStore).read() as reader:
        return await reader.changes(ChangeQuery(**{**asked, **fields}))


def row(number: int, service: str, at: datetime) -> tuple[int, ChangeEvent]:
    return number, ChangeEvent(service=service, at=at, kind="deploy", version=f"1.{number}")


async def test_changes_are_paged_through_exactly_once_also_at_one_instant(
    gateway: GatewayHarness,
) -> None:
    together = NOW - timedelta(minutes=5)
    rows = [row(n, "checkout" if n % 2 else "cart", together) for n in range(1, 6)]
    rows += [row(9, "checkout", NOW), row(8, "checkout", NOW - timedelta(days=1))]
    rows += [row(7, "checkout", NOW - timedelta(days=1, microseconds=1))]
    for number, event in rows:
        await store_change(gateway.database, number, event)
    everything = [change.event.version for change in await changes(gateway)]
    assert everything == ["1.9", "1.1", "1.2", "1.3", "1.4", "1.5", "1.8"]
    shown: list[str] = []
    before = None
    while found := await changes(gateway, 2, before=before):
        shown += [change.event.version for change in found]
        before = (found[-1].event.at, found[-1].identity)
    assert shown == everything
    own = await changes(gateway, service_name="checkout", until=together)
    assert [change.event.version for change in own] == ["1.1", "1.3", "1.5", "1.8"]
    assert await changes(gateway, service_name="nobody") == []
    newest = (await changes(gateway, 1))[0]
    assert newest == StoredChange(
        bytes([9]) * 16,
        ChangeEvent(service="checkout", at=NOW, kind="deploy", version="1.9"),
        NOW + timedelta(seconds=1),
    )


async def test_decisions_are_read_as_they_were_published(gateway: GatewayHarness) -> None:
    inputs = {"tier": 1, "snapshot": {"composite_burn_rate": 0.1 + 0.2}}
    for number, service in enumerate(["checkout", "cart", "checkout", "checkout"]):
        made = decided(service, decision_id=f"01JD{number}")
        await store_decision(gateway.database, made, inputs, {"name": "default"})
    async with gateway.of(ResultStore).read() as reader:
        newest = await reader.decisions("checkout", None, 2)
        rest = await reader.decisions("checkout", "01JD2", 3)
        stored = await reader.decision("01JD2")
        assert await reader.decision("01JD9") is None
    assert [d.decision.decision_id for d in newest] == ["01JD3", "01JD2"]
    # with the one that ended it
    assert [d.decision.decision_id for d in rest] == ["01JD3", "01JD2", "01JD0"]
    assert newest[0] == PastDecision(decided("checkout", decision_id="01JD3"))
    assert stored is not None
    assert (stored.inputs, stored.policy) == (inputs, {"name": "default"})
