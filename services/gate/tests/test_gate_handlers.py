"""Records as Kafka gives them: what is kept of them, and what is not readable."""

from collections.abc import Sequence
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
from common.ledger.dlq_limit import DlqLimits
from common.policy.files import read_policies
from common.slo.vocabulary import SliType
from gate.domain.configuration import GateConfiguration
from gate.domain.shard_view import ShardView
from gate.handlers import configuration_handler
from gate.work import GateWork
from tests.support import kafka_records
from tests.support.consumer_runtime import consumer_runtime
from tests.support.gate_inputs import NOW, SERVICE, burning_at, override, random_state, snapshot


def record(topic: Topic[Any], value: Event | bytes | None) -> Record:
    body = value if isinstance(value, bytes) or value is None else encode(value)
    return kafka_records.record(topic.name, body)


async def touched(configuration: GateConfiguration, records: Sequence[Record]) -> list[str | None]:
    """Return the services that the records concern, in order; None stands for all."""
    names: list[str | None] = []
    await configuration_handler(configuration, names.append)(records)
    return names


def service(revision: int, tier: int = 1, *, retired: bool = False) -> ServiceChanged:
    return ServiceChanged(revision, 1, SERVICE, cast("Any", tier), "team", None, retired)


def stricter(revision: int, document: dict[str, Any]) -> PolicyChanged:
    return PolicyChanged(revision, "strict", "", document, retired=False)


async def test_configuration_touches_what_it_concerns_and_only_what_is_newer() -> None:
    configuration = GateConfiguration(read_policies([]))
    target = TargetChanged(
        1, 1, SERVICE, "a", SliType.AVAILABILITY, "0.99", 30, None, None, 1, retired=False
    )
    found = await touched(
        configuration,
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
    assert found == [SERVICE, SERVICE, None]
    assert configuration.tier(SERVICE) == 1
    assert [o.state for o in configuration.overrides(SERVICE)] == ["active"]
    assert configuration.policy_for(SERVICE).name == "strict"


@pytest.mark.parametrize(
    "bad",
    [
        record(CATALOG, b"{"),
        record(POLICIES, b'{"type":"override_changed"}'),
        record(POLICIES, stricter(1, {"colour": "red"})),
    ],
)
async def test_what_is_unreadable_is_logged_and_costs_nothing_else(bad: Record) -> None:
    configuration = GateConfiguration(read_policies([]))
    with capture_logs() as logs:
        assert await touched(configuration, [bad, record(CATALOG, service(1))]) == [SERVICE]
    assert [entry["event"] for entry in logs] == ["record_unreadable"]


def gate_work() -> GateWork:
    """Return the work of a process that holds shard 0."""
    work = GateWork(consumer_runtime("gate", clock=lambda: NOW), DlqLimits())
    work.views[0] = ShardView()
    return work


def wakes(work: GateWork, *values: Event | bytes | None) -> bool:
    """Tell whether burn rates with these values wake the decider."""
    work.woken.clear()
    work.observe(0, [record(BURNRATES, value) for value in values])
    return work.woken.is_set()


def test_state_topics_wake_the_tick_where_a_decision_may_depend_on_them() -> None:
    work = gate_work()
    first = snapshot([burning_at(0.5)], epoch=1)
    assert wakes(work, first, None, b"x")
    assert work.views[0].due == {SERVICE}
    assert not wakes(work, snapshot([burning_at(0.6)], epoch=2))
    assert wakes(work, snapshot([burning_at(2.6)], epoch=3))
    assert not wakes(work, first)
    assert work.views[0].snapshots[SERVICE].epoch == 3, "what a former owner says late"
    assert work.views[0].sign is not None
    assert work.views[0].sign.epoch == 3


def test_the_newest_forecast_is_kept() -> None:
    found = (random_state(seed)[1].forecast for seed in range(99))
    first, second = [f for f in found if f is not None][:2]
    older, newer = sorted([first, second], key=lambda forecast: forecast.evaluated_at)
    work = gate_work()
    work.observe(0, [record(FORECASTS, newer), record(FORECASTS, older)])
    assert work.views[0].forecasts == {SERVICE: newer}
