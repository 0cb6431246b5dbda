"""What the service does with each record: counts, catalog changes, commands."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from burnrate.domain.catalog import Catalog
from common.config.clock import Clock
from common.events import ComputeRequested
from common.kafka.client import Record, header
from common.kafka.topics import CATALOG, COMMANDS
from common.kafka.unreadable import skip_unreadable
from common.observability.logging import CORRELATION_HEADER, correlated
from common.runtime.loops import TRANSIENT_ERRORS

log = structlog.get_logger()

COMMAND_MAX_AGE = timedelta(seconds=30)
"""Older commands were answered, or given up, before this process began to read them."""


def control_handler(
    catalog: Catalog,
    compute: Callable[[str, str | None], Awaitable[None]],
    flush: Callable[[], Awaitable[None]],
    clock: Clock,
) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Return the handler of the catalog and the commands, which every process reads in full.

    `flush` applies what is read already, so that a command's answer has it; `compute` answers the
    command of that id for one service or for all.
    """

    async def on_control_records(records: Sequence[Record]) -> None:
        for record in records:
            with correlated(header(record, CORRELATION_HEADER)):
                try:
                    with skip_unreadable(record):
                        await _on_control(record)
                except TRANSIENT_ERRORS as error:
                    # whoever asked gets no answer in time; the next tick publishes
                    log.warning("compute_failed", error=repr(error))

    async def _on_control(record: Record) -> None:
        if record.value is None:
            return
        if record.topic == CATALOG.name:
            catalog.apply(CATALOG.decode(record))
            return
        command = COMMANDS.decode(record)
        if not isinstance(command, ComputeRequested):
            return  # for another service
        if clock() - command.requested_at <= COMMAND_MAX_AGE:
            log.info("compute", command_id=command.command_id, service_name=command.service_name)
            await flush()
            await compute(command.command_id, command.service_name)

    return on_control_records
