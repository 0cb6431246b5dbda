"""The composition root: settings, database, Kafka, ledger, evaluator, and their loops."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from fastapi import FastAPI
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from sqlalchemy.exc import DBAPIError

from burnrate import recovery_repository
from burnrate.catalog import Catalog
from burnrate.counting import CountingWork
from burnrate.domain import default_target
from burnrate.evaluation import Evaluator
from burnrate.handlers import control_handler, metrics_handler
from burnrate.settings import AllSettings
from common.clock import system_clock
from common.database import Database
from common.kafka import (
    Publisher,
    TableReader,
    UnknownOutcomeError,
    decode_batch,
    parse_batch,
    partitions_of,
)
from common.ledger import ShardLedger
from common.logging import configure_logging
from common.outbox import Outbox
from common.service import build_app
from common.topics import CATALOG, COMMANDS, HISTORY, METRICS

log = structlog.get_logger()

INPUTS = (METRICS.name, HISTORY.name)
MARK_SLACK = timedelta(hours=6)  # a forwarded record keeps its first append time
SEAL_AFTER = timedelta(hours=2)  # an hour that hardly any event is late for
_TRANSIENT = (UnknownOutcomeError, KafkaError, DBAPIError, OSError, TimeoutError)


class Burnrate:
    """The running service: what it is made of, and the loops that drive it."""

    def __init__(self, settings: AllSettings, shards: int) -> None:
        self._settings = settings
        self._database = Database.connect(settings.database, "burnrate")
        self._publisher = Publisher(settings.kafka)
        self._outbox = Outbox("burnrate", self._database, self._publisher)
        lateness = settings.admission.lateness
        self._work = CountingWork(shards, lateness, self._outbox, system_clock)
        self.ledger = ShardLedger(
            schema="burnrate",
            owner=f"{socket.gethostname()}:{os.getpid()}",
            topics=INPUTS,
            kafka=settings.kafka,
            database=self._database,
            work=self._work,
            clock=system_clock,
        )
        own = settings.burnrate
        catalog = Catalog(default_target(own.default_objective, own.default_window_days))
        self._evaluator = Evaluator(
            settings=own,
            shards=shards,
            ledger=self.ledger,
            work=self._work,
            catalog=catalog,
            database=self._database,
            publisher=self._publisher,
            clock=system_clock,
        )
        on_control = control_handler(catalog, self._evaluator, system_clock)
        self.control = TableReader(settings.kafka, (CATALOG.name, COMMANDS.name), on_control)
        self._broker = self._subscribe()

    def _subscribe(self) -> KafkaBroker:
        kafka = self._settings.kafka
        broker = KafkaBroker(
            list(kafka.bootstrap_servers),
            apply_types=False,
            consumer_only=True,
            logger=None,
            graceful_timeout=10,
        )
        subscriber = broker.subscriber(
            *INPUTS,
            batch=True,
            group_id="burnrate",
            ack_policy=AckPolicy.MANUAL,
            # the ledger seeks at each assignment and refuses offsets outside the log, so that
            # this only keeps a first start from waiting for a commit that never comes
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(RangePartitionAssignor,),
            max_records=self._settings.burnrate.max_batch_records,
            batch_timeout_ms=100,
            listener=self.ledger,
            parser=parse_batch,
            decoder=decode_batch,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
            max_poll_interval_ms=60_000,
            rebalance_timeout_ms=60_000,
        )
        subscriber(metrics_handler(self.ledger))
        self.ledger.attach(lambda: subscriber.consumer)
        return broker

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            await self._broker.start()
            async with asyncio.TaskGroup() as tasks:
                own = self._settings.burnrate
                tasks.create_task(self.control.run())
                tasks.create_task(self._outbox.run())
                tasks.create_task(_every(own.tick_seconds, "tick", self._tick))
                tasks.create_task(_every(1.0, "probe", self.ledger.probe))
                tasks.create_task(_every(own.purge_seconds, "purge", self._purge))
        finally:
            await self.ledger.close()
            await self._broker.stop()
            await self._publisher.stop()
            await self._database.close()

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready."""
        failing = {f"shard {shard}": reason for shard, reason in self.ledger.refusals.items()}
        if not self.control.caught_up.is_set():
            failing["catalog"] = "the catalog is not read to its end yet"
        if not self.ledger.owned and not failing:
            failing["shards"] = "no shard is owned yet"
        return failing

    async def _tick(self) -> None:
        if self.control.caught_up.is_set():
            await self._evaluator.tick()

    async def _purge(self) -> None:
        now = system_clock()
        for shard, own in list(self.ledger.owned.items()):
            async with self._database.write() as session:
                await recovery_repository.purge(session, [shard], now)
                before = own.oldest_applied() - self._settings.admission.lateness - MARK_SLACK
                await recovery_repository.purge_marks(session, shard, before)
            sealed = own.oldest_applied() - SEAL_AFTER
            while await self._seal(shard, sealed):
                pass

    async def _seal(self, shard: int, before: datetime) -> bool:
        async with self._database.write() as session:
            return await recovery_repository.seal_marks(session, shard, before)


async def _every(seconds: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again; what fails for reasons outside is tried at the next turn."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await work()
        except _TRANSIENT as error:
            log.warning("loop_retry", loop=name, error=repr(error))
        await asyncio.sleep(max(0.0, seconds - (loop.time() - began)))


async def _shards(settings: AllSettings) -> int:
    """Wait for the input topics; return their partition count, which must be one."""
    while True:
        consumer = AIOKafkaConsumer(**settings.kafka.client_options())
        try:
            await consumer.start()
            counts = {topic: len(await partitions_of(consumer, topic)) for topic in INPUTS}
        except (KafkaError, OSError) as error:
            log.warning("waiting_for_topics", error=repr(error))
            await asyncio.sleep(1)
        else:
            if len(set(counts.values())) == 1:
                return counts[METRICS.name]
            raise SystemExit(f"the input topics must have equal partition counts, not {counts}")
        finally:
            await consumer.stop()


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""
    running: list[Burnrate] = []

    async def run() -> None:
        while True:
            service = Burnrate(settings, await _shards(settings))
            running[:] = [service]
            try:
                await service.run()
            except* _TRANSIENT as errors:
                log.warning("restart_after_error", error=repr(errors))
                await asyncio.sleep(1)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        configure_logging("burnrate", debug=settings.service.debug)
        task = asyncio.create_task(run())
        task.add_done_callback(_end_process_on_failure)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def readiness() -> dict[str, str]:
        return await running[0].failing() if running else {"kafka": "the topics are not there yet"}

    return build_app("Burnline burnrate", settings.service, lifespan=lifespan, readiness=readiness)


def _end_process_on_failure(task: "asyncio.Task[None]") -> None:
    """End the process where its work has ended: a supervisor starts it anew, from the ledger."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("service_failed", exc_info=task.exception())
        os._exit(70)
