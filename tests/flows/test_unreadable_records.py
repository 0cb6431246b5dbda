"""Whoever can write to one of our topics can write anything: no service may stop at it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.invalid_count_reports import InvalidCountReports
from alerts.domain.shard_state import ShardState
from alerts.handlers import (
    CONFIGURATION_TOPICS,
    DEAD_LETTER_TOPICS,
    configuration_handler,
    dead_letter_handler,
)
from alerts.work import AlertsWork
from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import Target
from burnrate.handlers import control_handler
from common.access.key_cache import ApiKeyCache, KeyRecords, KeyUses
from common.kafka.client import Record
from common.kafka.tolerant_records import UNREADABLE
from common.kafka.topics import BURNRATES, CATALOG, COMMANDS, FORECASTS, KEY_USES, KEYS, POLICIES
from common.kafka.unreadable import event_handler, skip_unreadable
from common.ledger.dlq_limit import DlqLimits
from common.policy.files import read_policies
from forecast.domain.due_services import DueServices, Pace
from forecast.handlers import Retired
from forecast.settings import ForecastSettings
from forecast.work import ForecastWork
from gate.domain.configuration import GateConfiguration
from gate.domain.shard_view import ShardView
from gate.handlers import configuration_handler as gate_configuration_handler
from gate.work import GateWork
from tests.support.burn_events import NOW
from tests.support.consumer_runtime import consumer_runtime
from tests.support.gateway.harness import READ_TOPICS, GatewayHarness
from tests.support.kafka_records import record

Handle = Callable[[Sequence[Record]], Awaitable[None] | None]
UNUSED: Any = None
WRONG = {
    "no JSON": b"{",
    "nothing": b"",
    "not UTF-8": b'{"type":"\xff"}',
    "a number": b"7",
    "no such event": b'{"type":"nothing of ours"}',
    "too deep": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


def alerts_state_topics() -> Handle:
    work = AlertsWork(lambda: NOW)
    work.states[0] = ShardState({})
    return lambda records: work.observe(0, records)


def forecast_levels() -> Handle:
    pace = Pace(timedelta(seconds=30), timedelta(seconds=1), timedelta(seconds=30))
    work = ForecastWork(ForecastSettings(), lambda: NOW)
    work.services[0] = DueServices(pace)
    return lambda records: work.observe(0, records)


def gate_levels() -> Handle:
    work = GateWork(consumer_runtime("gate", clock=lambda: NOW), DlqLimits())
    work.views[0] = ShardView()
    return lambda records: work.observe(0, records)


READERS: dict[str, tuple[Handle, Sequence[str]]] = {
    "burnrate control": (
        control_handler(Catalog(Target.default(Decimal("0.999"), 30)), UNUSED, UNUSED, lambda: NOW),
        (CATALOG.name, COMMANDS.name),
    ),
    "forecast levels": (forecast_levels(), (BURNRATES.name,)),
    "forecast catalog": (event_handler(Retired().apply), (CATALOG.name,)),
    "gate levels": (gate_levels(), (BURNRATES.name, FORECASTS.name)),
    "gate configuration": (
        gate_configuration_handler(GateConfiguration(read_policies([])), UNUSED),
        (CATALOG.name, POLICIES.name),
    ),
    "alerts state topics": (alerts_state_topics(), (BURNRATES.name, FORECASTS.name)),
    "alerts configuration": (
        configuration_handler(AlertConfiguration({}), UNUSED, lambda: NOW),
        CONFIGURATION_TOPICS,
    ),
    "alerts dead letters": (
        dead_letter_handler(InvalidCountReports(), lambda: NOW),
        DEAD_LETTER_TOPICS,
    ),
    "keys": (KeyRecords(ApiKeyCache(), KeyUses()).on_records, (KEYS.name, KEY_USES.name)),
}


async def passes_over(handle: Handle, topics: Sequence[str]) -> None:
    for topic in topics:
        before = UNREADABLE.labels(topic)._value.get()
        wrong = [record(topic, value, offset=n) for n, value in enumerate(WRONG.values())]
        with capture_logs() as logs:
            if (waiting := handle(wrong)) is not None:
                await waiting
        told = [(entry["event"], entry["topic"], entry["offset"]) for entry in logs]
        assert told == [("record_unreadable", topic, n) for n in range(len(WRONG))]
        assert UNREADABLE.labels(topic)._value.get() - before == len(WRONG)


@pytest.mark.parametrize("reader", READERS)
async def test_no_content_stops_a_reader(reader: str) -> None:
    handle, topics = READERS[reader]
    await passes_over(handle, topics)


async def test_no_content_stops_the_gateway(gateway: GatewayHarness) -> None:
    await passes_over(gateway.handlers.on_records, [topic.name for topic in READ_TOPICS])


def test_what_the_content_is_not_to_blame_for_is_not_passed_over() -> None:
    for error in (KeyError("state"), ConnectionError("away"), cast("Any", KeyboardInterrupt())):
        with pytest.raises(type(error)), skip_unreadable(record(CATALOG.name, b"{}")):
            raise error
