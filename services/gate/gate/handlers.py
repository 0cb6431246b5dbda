"""The handler of catalog and policies, which every process of the gate reads in full."""

from collections.abc import Awaitable, Callable, Sequence

from common.events import OverrideChanged, PolicyChanged, ServiceChanged
from common.kafka.client import Record, header
from common.kafka.topics import decode
from common.kafka.unreadable import skip_unreadable
from common.observability.logging import CORRELATION_HEADER, correlated
from gate.domain.configuration import GateConfiguration


def configuration_handler(
    configuration: GateConfiguration, touch: Callable[[str | None], None]
) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Return the handler; `touch` is called with the service that a change concerns, or None."""

    async def on_records(records: Sequence[Record]) -> None:
        for record in records:
            with correlated(header(record, CORRELATION_HEADER)), skip_unreadable(record):
                if record.value is not None:
                    on_change(decode(record))

    def on_change(change: object) -> None:
        if isinstance(change, ServiceChanged) and configuration.on_service(change):
            touch(change.name)
        elif isinstance(change, OverrideChanged) and configuration.on_override(change):
            touch(change.service_name)
        elif isinstance(change, PolicyChanged) and configuration.on_policy(change):
            touch(None)

    return on_records
