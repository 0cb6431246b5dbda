"""What every process of the gate does with what users want: catalog, policies, overrides."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from common.events import (
    OverrideChanged,
    PolicyChanged,
    ServiceChanged,
)
from common.kafka.client import Record, header
from common.kafka.topics import decode
from common.kafka.unreadable import skip_unreadable
from common.observability.logging import CORRELATION_HEADER, correlated
from gate.domain.configuration import Intent


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
    message = decode(record)
    if isinstance(message, ServiceChanged) and intent.on_service(message):
        decider.touch(message.name)
    elif isinstance(message, OverrideChanged) and intent.on_override(message):
        decider.touch(message.service_name)
    elif isinstance(message, PolicyChanged) and intent.on_policy(message):
        decider.touch_all()
