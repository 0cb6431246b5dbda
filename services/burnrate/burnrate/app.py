"""The composition root: settings, database, Kafka, ledger, evaluator, and their loops."""

from datetime import datetime, timedelta
from functools import partial

from fastapi import FastAPI

from burnrate.counting import CountingWork
from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import default_target
from burnrate.evaluation.evaluator import Evaluator
from burnrate.handlers import control_handler
from burnrate.ingest.inputs import INPUTS, collect_rarely
from burnrate.metrics import TICK_SECONDS
from burnrate.settings import AllSettings
from burnrate.storage import recovery_repository
from common.config.clock import system_clock
from common.kafka.client import Publisher, TableReader
from common.kafka.subscription import HEARTBEAT_SECONDS, Subscription, count_shards
from common.kafka.topics import CATALOG, COMMANDS, METRICS_DEAD
from common.ledger.dlq_limit import DlqLimits
from common.ledger.ledger import LedgerLimits, LedgerParts, RetryDelays, ShardLedger
from common.runtime.loops import every
from common.service.consumer import Frame, Part, consumer_app, drive, not_ready
from common.storage.database import Database
from common.storage.outbox import Outbox

MARK_SLACK = timedelta(hours=6)  # a forwarded record keeps its first append time
LETTERS_KEPT = timedelta(milliseconds=METRICS_DEAD.retention_ms)
SEAL_AFTER = timedelta(hours=2)  # an hour that hardly any event is late for


class Burnrate:
    """The running service: what it is made of, and the loops that drive it."""

    def __init__(self, settings: AllSettings, shards: int) -> None:
        own = settings.burnrate
        self._settings = settings
        self._database = Database.connect(settings.database, "burnrate")
        self._publisher = Publisher(settings.kafka)
        self._outbox = Outbox("burnrate", self._database, self._publisher)
        catalog = Catalog(default_target(own.default_objective, own.default_window_days))
        self._work = CountingWork(
            shards,
            settings.admission.lateness,
            self._outbox,
            system_clock,
            max_services=own.max_services,
            held_marks=own.max_held_marks,
            breaker_limits=DlqLimits(own.max_bad_ratio, own.max_bad_run),
            is_deep=catalog.is_deep,
        )
        self.ledger = self._make_ledger()
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
        on_control = control_handler(catalog, self._evaluator, self.ledger.flush, system_clock)
        self.control = TableReader(settings.kafka, (CATALOG.name, COMMANDS.name), on_control)
        self._subscription = Subscription(
            settings.kafka, "burnrate", INPUTS, self.ledger, own.max_batch_records
        )

    def _make_ledger(self) -> ShardLedger:
        own = self._settings.burnrate
        return ShardLedger(
            LedgerParts(
                schema="burnrate",
                topics=INPUTS,
                kafka=self._settings.kafka,
                database=self._database,
                work=self._work,
                clock=system_clock,
                limits=LedgerLimits(
                    own.max_flush_records, own.max_buffered_records, own.max_buffered_bytes
                ),
                delays=RetryDelays(fenced_seconds=HEARTBEAT_SECONDS),
            )
        )

    async def run(self) -> None:
        """Run until cancelled."""
        own = self._settings.burnrate
        collect_rarely()
        frame = Frame(self.ledger, self._subscription, self._publisher, self._database)
        parts: list[Part] = [
            self.control.run,
            self._outbox.run,
            partial(every, own.tick_seconds, "tick", self._tick),
            partial(every, 1.0, "probe", self.ledger.probe),
            partial(every, own.purge_seconds, "purge", self._purge),
        ]
        await drive(frame, own.stall_seconds, parts)

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready."""
        return not_ready(self.ledger, {"catalog": self.control})

    async def _tick(self) -> None:
        await self.ledger.flush()
        if self.control.caught_up.is_set():
            with TICK_SECONDS.time():
                await self._evaluator.tick()

    async def _purge(self) -> None:
        now = system_clock()
        async with self._database.write() as session:
            await self._work.letters.purge(session, now - LETTERS_KEPT)
        for shard, own in list(self.ledger.owned.items()):
            async with self._database.write() as session:
                await recovery_repository.purge(session, [shard], now)
                before = own.oldest_applied() - self._settings.admission.lateness - MARK_SLACK
                await recovery_repository.purge_dedup_keys(session, shard, before)
            sealed = own.oldest_applied() - SEAL_AFTER
            while await self._seal(shard, sealed):
                pass

    async def _seal(self, shard: int, before: datetime) -> bool:
        async with self._database.write() as session:
            return await recovery_repository.seal_dedup_keys(session, shard, before)


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""

    async def make() -> Burnrate:
        return Burnrate(settings, await count_shards(settings.kafka, INPUTS))

    return consumer_app("burnrate", settings.service, make)
