"""Run a consumer: start again after an outage, and end the process on a defect."""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import structlog
from aiokafka import TopicPartition
from fastapi import FastAPI

from common.config.settings import ConsumerSettings
from common.kafka.client import Record, TableReader
from common.kafka.subscription import COMMIT_SECONDS, Subscription, count_shards
from common.ledger.ledger import ShardLedger
from common.ledger.metrics import CONSUMER
from common.ledger.read_buffer import LedgerLimits
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import ShardWork
from common.ledger.stall_detector import StallDetector
from common.ledger.store import LedgerStore
from common.ledger.undecodable import UndecodableWatch
from common.observability.logging import configure_logging
from common.runtime.loops import PRESENT_WATCH, TRANSIENT_ERRORS, every
from common.service.app import build_app
from common.service.health import LOOK_SECONDS, ConsumerHealth, vitals

log = structlog.get_logger()

_EXIT_STATUS = 70  # EX_SOFTWARE: the supervisor starts the process anew
_EXCUSED_SECONDS = 30.0  # longer than an attempt to acquire a shard and the pause after it


class Consumer(ABC):
    """Base of services that hold shards; a subclass has its topics, its work and its loops."""

    inputs: ClassVar[tuple[str, ...]] = ()
    state_topics: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        runtime: ConsumerRuntime,
        work: ShardWork,
        stall_seconds: float,
        limits: LedgerLimits | None = None,
        max_batch_records: int = 2000,
    ) -> None:
        self.runtime = runtime
        self.ledger = ShardLedger(runtime, work, self.inputs, self.state_topics, limits)
        self._subscription = Subscription(
            runtime.kafka,
            runtime.name,
            (*self.inputs, *self.state_topics),
            self.ledger,
            max_batch_records,
        )
        self._health = ConsumerHealth(self.ledger, runtime.kafka.unready_seconds)
        self._touch_seconds = runtime.kafka.unready_seconds / 3
        self._undecodable_watch = UndecodableWatch(self.ledger, runtime)
        self._stall_seconds = stall_seconds
        self._tables: dict[str, TableReader] = {}

    @abstractmethod
    def loops(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Yield the loops of the service, which do not return."""

    def read_table(
        self,
        name: str,
        topics: Sequence[str],
        on_records: Callable[[Sequence[Record]], Awaitable[None]],
    ) -> TableReader:
        """Read topics in full in every process; it is ready once it has reached their end."""
        table = self._tables[name] = TableReader(self.runtime.kafka, topics, on_records)
        return table

    async def run(self) -> None:
        """Run until cancelled, then close everything.

        Transient errors may be raised in an exception group.
        """
        CONSUMER.ledger = self.ledger
        PRESENT_WATCH.set(self._health.loops)
        try:
            await self._subscription.broker.start()
            async with asyncio.TaskGroup() as tasks:
                for table in self._tables.values():
                    tasks.create_task(table.run())
                for loop in self.loops():
                    tasks.create_task(loop)
                tasks.create_task(self._watch())
                tasks.create_task(every(LOOK_SECONDS, "look", self._look))
                tasks.create_task(every(self._touch_seconds, "commit", self._touch))
                tasks.create_task(every(COMMIT_SECONDS, "progress", self._commit))
        finally:
            CONSUMER.ledger = None
            await self.ledger.close()
            await self._subscription.stop()
            await self.runtime.close()

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready, by name."""
        return {**self._health.failing(), **not_ready(self.ledger, self._tables)}

    async def _touch(self) -> None:
        """Commit that this process does its work, though nothing else may be to be committed."""
        works = not self._health.failing().keys() - {"commit"}
        shards = self.ledger.owned if works else ()  # asked all the same whether it may commit
        async with self.runtime.database.write() as session:
            await LedgerStore(self.runtime.name).touch(session, shards, self.ledger.owner)

    async def _look(self) -> None:
        consumer = self._subscription.consumer()
        self._health.look(consumer, consuming=self._subscription.consuming())
        await self._undecodable_watch.look(consumer)

    async def _commit(self) -> None:
        """Show the ledger's progress to Kafka's tools, and to what scales by lag."""
        await self._subscription.commit(
            {
                TopicPartition(topic, shard): next_offset
                for shard, own in self.ledger.owned.items()
                for topic, next_offset in own.next_offsets.items()
            }
        )

    async def _watch(self) -> None:
        """End the process if it hangs; the next one goes on from the ledger."""
        look_seconds = min(5.0, self._stall_seconds / 4)
        detector, ledger = StallDetector(self._stall_seconds, 2 * look_seconds), self.ledger

        async def look() -> None:
            now_seconds = asyncio.get_running_loop().time()
            excuses = ledger.troubles.excuses(now_seconds - _EXCUSED_SECONDS)
            consuming = self._subscription.consuming()
            reason = detector.look(vitals(ledger, excuses, consuming=consuming))
            if reason is not None:
                log.critical("watchdog", reason=reason)
                os._exit(_EXIT_STATUS)

        await every(look_seconds, "watchdog", look)


def consumer_app(
    name: str,
    settings: ConsumerSettings,
    topics: Sequence[str],
    make: Callable[[int], Consumer],
) -> FastAPI:
    """Return the application; its lifespan runs a consumer, made anew after an outage.

    `make` is given the number of shards, which is that of the partitions of each of `topics`.
    """
    running: list[Consumer] = []

    async def run() -> None:
        while True:
            service = make(await count_shards(settings.kafka, topics))
            running[:] = [service]
            try:
                await service.run()
            except* TRANSIENT_ERRORS as errors:
                log.warning("restart_after_error", error=repr(errors))
                await asyncio.sleep(1)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        configure_logging(name, debug=settings.service.debug)
        task = asyncio.create_task(run())
        task.add_done_callback(_end_process_on_failure)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def readiness() -> dict[str, str]:
        return await running[0].failing() if running else {"kafka": "the topics are not there yet"}

    return build_app(f"Burnline {name}", settings.service, lifespan=lifespan, readiness=readiness)


def not_ready(ledger: ShardLedger, tables: Mapping[str, TableReader]) -> dict[str, str]:
    """Return what keeps a consumer from being ready: refusals, topics not read to their end.

    A process without a shard is ready where the others of its group hold them all: a rolling
    update that starts the new process before it ends the old one would wait for ever.
    """
    failing = {
        f"shard {shard}": "what was published before is not read to its end yet"
        for shard, own in ledger.owned.items()
        if not own.state_topics.complete
    }
    failing |= {
        f"{tp.topic}/{tp.partition}": f"offset {batch.offset} cannot be decoded: {batch.reason}"
        for tp, batch in ledger.troubles.undecodable.items()
    }
    failing |= {f"shard {shard}": reason for shard, reason in ledger.troubles.refusals.items()}
    for name, table in tables.items():
        if (reason := table.failing()) is not None:
            failing[name] = reason
    if not ledger.owned and not failing and not ledger.stands_by():
        failing["shards"] = "no shard is owned yet"
    return failing


def _end_process_on_failure(task: "asyncio.Task[None]") -> None:
    """End the process where its work has ended: a supervisor starts it anew, from the ledger."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("service_failed", exc_info=task.exception())
        os._exit(_EXIT_STATUS)
