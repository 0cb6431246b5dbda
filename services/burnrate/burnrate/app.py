"""The composition root: runtime, work, evaluator, and their loops."""

from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fastapi import FastAPI

from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import Target
from burnrate.evaluator import Evaluator
from burnrate.handlers import control_handler
from burnrate.metrics import TICK_SECONDS
from burnrate.settings import AllSettings
from burnrate.storage import recovery_repository
from burnrate.work import INPUTS, CountingWork, collect_rarely
from common.admission.metric_events import HISTORY_AGE
from common.kafka.topics import CATALOG, COMMANDS, METRICS_DEAD
from common.ledger.read_buffer import LedgerLimits
from common.ledger.runtime import ConsumerRuntime
from common.runtime.loops import every
from common.service.consumer import Consumer, consumer_app

DEDUP_SLACK = timedelta(hours=6)  # a forwarded record keeps its first append time
DEAD_LETTERS_KEPT = timedelta(milliseconds=METRICS_DEAD.retention_ms)
SEAL_AFTER = timedelta(hours=2)  # an hour that hardly any event is late for


class Burnrate(Consumer):
    """The running service."""

    inputs = INPUTS

    def __init__(self, settings: AllSettings, shards: int) -> None:
        self._settings = own = settings.burnrate
        self._lateness = settings.admission.lateness
        runtime = ConsumerRuntime.connect("burnrate", settings, shards)
        catalog = Catalog(Target.default(own.default_objective, own.default_window_days))
        self._work = CountingWork(own, runtime, self._lateness, catalog.is_deep)
        limits = LedgerLimits(
            own.max_flush_records, own.max_buffered_records, own.max_buffered_bytes
        )
        super().__init__(runtime, self._work, own.stall_seconds, limits, own.max_batch_records)
        self._evaluator = Evaluator(own, runtime, self.ledger, self._work, catalog)
        self._control = self.read_table(
            "catalog",
            (CATALOG.name, COMMANDS.name),
            control_handler(catalog, self._evaluator.compute, self.ledger.flush, runtime.clock),
        )

    def loops(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Give the loops that evaluate, publish and purge."""
        own = self._settings
        collect_rarely()
        yield self.runtime.outbox.run()
        yield every(own.tick_seconds, "tick", self._tick)
        yield every(1.0, "probe", self.ledger.probe)
        yield every(own.purge_seconds, "purge", self._purge)

    async def _tick(self) -> None:
        await self.ledger.flush()
        if self._control.caught_up.is_set():
            with TICK_SECONDS.time():
                await self._evaluator.tick()

    async def _purge(self) -> None:
        now, database = self.runtime.clock(), self.runtime.database
        async with database.write() as session:
            await self._work.dead_letters.purge(session, now - DEAD_LETTERS_KEPT)
        for shard, own in list(self.ledger.owned.items()):
            async with database.write() as session:
                await recovery_repository.purge(session, shard, now)
                applied = own.oldest_applied() - DEDUP_SLACK
                await recovery_repository.purge_dedup_keys(
                    session, shard, applied - self._lateness, applied - HISTORY_AGE
                )
            sealed = own.oldest_applied() - SEAL_AFTER
            while await self._seal(shard, sealed):
                pass

    async def _seal(self, shard: int, before: datetime) -> bool:
        async with self.runtime.database.write() as session:
            return await recovery_repository.seal_dedup_keys(session, shard, before)


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""
    return consumer_app("burnrate", settings, INPUTS, partial(Burnrate, settings))
