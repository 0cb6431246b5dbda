"""What the service does with each record: counts, catalog changes, commands."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from burnrate.domain.catalog import Catalog
from common.config.clock import Clock
from common.events import CatalogMessage, ComputeRequested
from common.kafka.client import Record
from common.kafka.unreadable import event_handler
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

    async def on_event(event: Any) -> None:
        if isinstance(event, CatalogMessage):
            catalog.apply(event)
        elif isinstance(event, ComputeRequested):
            await on_command(event)

    async def on_command(command: ComputeRequested) -> None:
        if clock() - command.requested_at > COMMAND_MAX_AGE:
            return
        log.info("compute", command_id=command.command_id, service_name=command.service_name)
        try:
            await flush()
            await compute(command.command_id, command.service_name)
        except TRANSIENT_ERRORS as error:
            # whoever asked gets no answer in time; the next tick publishes
            log.warning("compute_failed", error=repr(error))

    return event_handler(on_event)
