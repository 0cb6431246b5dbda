"""What the gate does with each record: levels of a shard, and what users want of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from common.config.clock import Clock
from common.events import (
    BurnRateMessage,
    CatalogMessage,
    OverrideChanged,
    PolicyChanged,
    PolicyMessage,
    ServiceChanged,
    ServiceForecast,
)
from common.kafka.client import Record, header
from common.kafka.topics import BURNRATES, CATALOG, FORECASTS, POLICIES
from common.kafka.unreadable import skip_unreadable
from common.observability.logging import CORRELATION_HEADER, correlated
from common.observability.tracing import TraceContexts
from gate.domain.configuration import Intent
from gate.domain.shard_view import ShardView

_burn_rate = msgspec.json.Decoder(BurnRateMessage)
_forecast = msgspec.json.Decoder(ServiceForecast)
_wanted: Mapping[str, msgspec.json.Decoder[Any]] = {
    CATALOG.name: msgspec.json.Decoder(CatalogMessage),
    POLICIES.name: msgspec.json.Decoder(PolicyMessage),
}


def level_handler(
    views: Mapping[int, ShardView], clock: Clock, wake: Callable[[], None], traces: TraceContexts
) -> Callable[[int, Sequence[Record]], None]:
    """Return the handler of burn rates and forecasts; `wake` is called where it is urgent."""

    def on_levels(shard: int, records: Sequence[Record]) -> None:
        view, now, urgent = views[shard], clock(), False
        traces.take(records, "read")
        for record in records:
            if record.value is None:
                continue
            with skip_unreadable(record):
                if record.topic == BURNRATES.name:
                    urgent |= view.on_burn_rate(_burn_rate.decode(record.value), now)
                elif record.topic == FORECASTS.name:
                    view.on_forecast(_forecast.decode(record.value))
        if urgent:
            wake()

    return on_levels


class Decides(Protocol):
    """The part of the decider that changes of what users want concern."""

    def touch(self, service_name: str) -> None:
        """Let a service be decided on again."""

    def touch_all(self) -> None:
        """Let every service be decided on again."""


def intent_handler(
    intent: Intent, decider: Decides
) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Return the handler of the catalog and the policies, which every process reads in full."""

    async def on_intent_records(records: Sequence[Record]) -> None:
        for record in records:
            with correlated(header(record, CORRELATION_HEADER)), skip_unreadable(record):
                _on_intent(intent, decider, record)

    return on_intent_records


def _on_intent(intent: Intent, decider: Decides, record: Record) -> None:
    if record.value is None:
        return
    message = _wanted[record.topic].decode(record.value)
    if isinstance(message, ServiceChanged) and intent.on_service(message):
        decider.touch(message.name)
    elif isinstance(message, OverrideChanged) and intent.on_override(message):
        decider.touch(message.service_name)
    elif isinstance(message, PolicyChanged) and intent.on_policy(message):
        decider.touch_all()
