"""The life of a consumer's process: it starts again after an outage, and ends on a defect."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
from aiokafka import TopicPartition
from fastapi import FastAPI

from common.config.settings import Settings
from common.kafka.client import Publisher, TableReader
from common.kafka.subscription import TELL_SECONDS, Subscription
from common.ledger.ledger import ShardLedger
from common.ledger.metrics import CONSUMER
from common.ledger.stall_detector import StallDetector, Vitals
from common.observability.logging import configure_logging
from common.runtime.loops import every
from common.runtime.transient import TRANSIENT_ERRORS
from common.service.app import build_app
from common.storage.database import Database

log = structlog.get_logger()

Part = Callable[[], Coroutine[Any, Any, None]]
"""A loop of a consumer, which does not return."""

_EXIT_STATUS = 70  # EX_SOFTWARE: the supervisor starts the process anew
_EXCUSED_SECONDS = 30.0  # longer than an attempt to acquire a shard and the pause after it


class Consumer(Protocol):
    """A service made of a ledger, a subscription and loops."""

    async def run(self) -> None:
        """Run until cancelled; what passes by itself may be raised in an exception group."""

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready, by name."""


def consumer_app(name: str, settings: Settings, make: Callable[[], Awaitable[Consumer]]) -> FastAPI:
    """Return the application; its lifespan runs what `make` returns, anew after an outage."""
    running: list[Consumer] = []

    async def run() -> None:
        while True:
            service = await make()
            running[:] = [service]
            try:
                await service.run()
            except* TRANSIENT_ERRORS as errors:
                log.warning("restart_after_error", error=repr(errors))
                await asyncio.sleep(1)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        configure_logging(name, debug=settings.debug)
        task = asyncio.create_task(run())
        task.add_done_callback(_end_process_on_failure)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def readiness() -> dict[str, str]:
        return await running[0].failing() if running else {"kafka": "the topics are not there yet"}

    return build_app(f"Burnline {name}", settings, lifespan=lifespan, readiness=readiness)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every consumer stands on."""

    ledger: ShardLedger
    subscription: Subscription
    publisher: Publisher
    database: Database


async def drive(frame: Frame, stall_seconds: float, parts: Sequence[Part]) -> None:
    """Run a consumer's parts under the watchdog until cancelled; then let everything go."""
    CONSUMER.ledger = frame.ledger
    try:
        await frame.subscription.broker.start()
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(part())
            tasks.create_task(_look_after(frame, stall_seconds))
            tasks.create_task(every(TELL_SECONDS, "progress", partial(_tell_kafka, frame)))
    finally:
        CONSUMER.ledger = None
        await frame.ledger.close()
        await frame.subscription.broker.stop()
        await frame.publisher.stop()
        await frame.database.close()


def not_ready(ledger: ShardLedger, tables: Mapping[str, TableReader]) -> dict[str, str]:
    """Return what keeps a consumer from being ready: refusals, topics not read to their end.

    One without a shard is ready where the others of its group have them all: a rolling update
    that starts the new process before it ends the old one would wait for it for ever.
    """
    failing = {
        f"shard {shard}": "what was published before is not read to its end yet"
        for shard, own in ledger.owned.items()
        if not own.levels.complete
    }
    failing |= {f"shard {shard}": reason for shard, reason in ledger.refusals.items()}
    for name, table in tables.items():
        if not table.caught_up.is_set():
            failing[name] = "not read to its end yet"
    if not ledger.owned and not failing and not ledger.stands_by():
        failing["shards"] = "no shard is owned yet"
    return failing


async def _tell_kafka(frame: Frame) -> None:
    """Let Kafka's own tools, and what scales by lag, see how far the ledger has come."""
    await frame.subscription.tell(
        {
            TopicPartition(topic, shard): next_offset
            for shard, own in frame.ledger.owned.items()
            for topic, next_offset in own.next_offsets.items()
        }
    )


async def _look_after(frame: Frame, stall_seconds: float) -> None:
    """End a process that hangs; the ledger lets the next one go on where this one ends."""
    look_seconds = min(5.0, stall_seconds / 4)
    watchdog, ledger = StallDetector(stall_seconds, 2 * look_seconds), frame.ledger

    async def look() -> None:
        now_seconds = asyncio.get_running_loop().time()
        vitals = Vitals(
            now_seconds=now_seconds,
            consuming=frame.subscription.consuming(),
            assigned=ledger.assigned(),
            progress={s: tuple(o.next_offsets.items()) for s, o in ledger.owned.items()},
            lag=ledger.lag,
            excuses=ledger.excuses(now_seconds - _EXCUSED_SECONDS),
        )
        reason = watchdog.look(vitals)
        if reason is not None:
            log.critical("watchdog", reason=reason)
            os._exit(_EXIT_STATUS)

    await every(look_seconds, "watchdog", look)


def _end_process_on_failure(task: "asyncio.Task[None]") -> None:
    """End the process where its work has ended: a supervisor starts it anew, from the ledger."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("service_failed", exc_info=task.exception())
        os._exit(_EXIT_STATUS)
