"""Records as Kafka gives them: what is kept of them, and what is not readable."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from common.events import (
    Event,
    PolicyChanged,
    ServiceChanged,
    TargetChanged,
    encode,
)
from common.kafka.client import Record
from common.kafka.topics import BURNRATES, CATALOG, FORECASTS, POLICIES, Topic
from common.observability.tracing import TraceContexts
from common.policy.files import read_policies
from common.slo.vocabulary import SliType
from gate.domain.configuration import Intent
from gate.domain.shard_view import ShardView
from gate.handlers import intent_handler, level_handler
from tests.support import kafka_records
from tests.support.gate_inputs import NOW, SERVICE, burning_at, override, snapshot
from tests.support.gate_states import random_state


def record(topic: Topic, value: Event | bytes | None) -> Record:
    body = value if isinstance(value, bytes) or value is None else encode(value)
    return kafka_records.record(topic.name, body)


@dataclass
class Touched:
    """Who was touched, in order; `None` stands for all."""

    names: list[str | None] = field(default_factory=list)

    def touch(self, service_name: str) -> None:
        self.names.append(service_name)

    def touch_all(self) -> None:
        self.names.append(None)


async def tell(intent: Intent, records: Sequence[Record]) -> list[str | None]:
    touched = Touched()
    await intent_handler(intent, touched)(records)
    return touched.names


def service(revision: int, tier: int = 1, *, retired: bool = False) -> ServiceChanged:
    return ServiceChanged(revision, 1, SERVICE, cast("Any", tier), "team", None, retired)


def stricter(revision: int, document: dict[str, Any]) -> PolicyChanged:
    return PolicyChanged(revision, "strict", "", document, retired=False)


async def test_intent_touches_what_it_concerns_and_only_what_is_newer() -> None:
    intent = Intent(read_policies([]))
    target = TargetChanged(
        1, 1, SERVICE, "a", SliType.AVAILABILITY, "0.99", 30, None, None, 1, retired=False
    )
    touched = await tell(
        intent,
        [
            record(CATALOG, service(2)),
            record(CATALOG, service(1, tier=3)),
            record(CATALOG, target),
            record(CATALOG, None),
            record(POLICIES, override(revision=4)),
            record(POLICIES, override(revision=3, state="revoked")),
            record(POLICIES, stricter(5, {"applies_to": {"tiers": [1]}})),
            record(POLICIES, stricter(5, {"applies_to": {"tiers": [2]}})),
        ],
    )
    assert touched == [SERVICE, SERVICE, None]
    assert intent.tier(SERVICE) == 1
    assert [o.state for o in intent.overrides(SERVICE)] == ["active"]
    assert intent.policy_for(SERVICE).name == "strict"


@pytest.mark.parametrize(
    "bad",
    [
        record(CATALOG, b"{"),
        record(POLICIES, b'{"type":"override_changed"}'),
        record(POLICIES, stricter(1, {"colour": "red"})),
    ],
)
async def test_what_is_unreadable_is_told_and_costs_nothing_else(bad: Record) -> None:
    intent = Intent(read_policies([]))
    with capture_logs() as logs:
        assert await tell(intent, [bad, record(CATALOG, service(1))]) == [SERVICE]
    assert [entry["event"] for entry in logs] == ["record_unreadable"]


def test_levels_wake_the_tick_where_a_decision_may_depend_on_them() -> None:
    views, woken = {0: ShardView()}, []
    handle = level_handler(views, lambda: NOW, lambda: woken.append(1), TraceContexts("gate"))
    first = snapshot([burning_at(0.5)], epoch=1)
    handle(0, [record(BURNRATES, first), record(BURNRATES, None), record(BURNRATES, b"x")])
    assert (len(woken), views[0].due) == (1, {SERVICE})
    handle(0, [record(BURNRATES, snapshot([burning_at(0.6)], epoch=2))])
    assert len(woken) == 1
    handle(0, [record(BURNRATES, snapshot([burning_at(2.6)], epoch=3))])
    assert len(woken) == 2
    handle(0, [record(BURNRATES, first)])
    assert views[0].snapshots[SERVICE].epoch == 3, "what a former owner says late"
    assert views[0].sign is not None
    assert views[0].sign.epoch == 3


def test_the_newest_forecast_is_kept() -> None:
    found = (random_state(seed)[1].forecast for seed in range(99))
    first, second = [f for f in found if f is not None][:2]
    older, newer = sorted([first, second], key=lambda forecast: forecast.evaluated_at)
    views = {0: ShardView()}
    handle = level_handler(views, lambda: NOW, lambda: None, TraceContexts("gate"))
    handle(0, [record(FORECASTS, newer), record(FORECASTS, older)])
    assert views[0].forecasts == {SERVICE: newer}
