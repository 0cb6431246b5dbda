"""The handler of catalog and policies, which every process of the gate reads in full."""

from collections.abc import Awaitable, Callable, Sequence

from common.events import LooseningChanged, OverrideChanged, PolicyChanged, ServiceChanged
from common.kafka.client import Record
from common.kafka.unreadable import event_handler
from gate.domain.configuration import GateConfiguration


def configuration_handler(
    configuration: GateConfiguration, touch: Callable[[str | None], None]
) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Return the handler; `touch` is called with the service that a change concerns, or None."""

    def on_change(change: object) -> None:
        if isinstance(change, ServiceChanged) and configuration.on_service(change):
            touch(change.name)
        elif isinstance(change, OverrideChanged) and configuration.on_override(change):
            touch(change.service_name)
        elif isinstance(change, LooseningChanged) and configuration.on_loosening(change):
            for name in change.services or (None,):
                touch(name)
        elif isinstance(change, PolicyChanged) and configuration.on_policy(change):
            touch(None)

    return event_handler(on_change)
