"""The composition root: settings, database, Kafka, ledger, evaluator, delivery, their loops."""

from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from alerts.delivery.service import Delivery
from alerts.domain.configuration import AlertConfiguration
from alerts.domain.invalid_count_reports import InvalidCountReports
from alerts.domain.notifications import channel_test
from alerts.evaluation import Evaluator
from alerts.handlers import (
    CONFIGURATION_TOPICS,
    DEAD_LETTER_TOPICS,
    configuration_handler,
    dead_letter_handler,
)
from alerts.publishing import tombstones
from alerts.settings import AllSettings
from alerts.storage import repository
from alerts.work import STATE_TOPICS, AlertsWork
from common.alerting.default_rules import default_rules
from common.config.clock import system_clock
from common.events import ChannelTestRequested
from common.kafka.client import Publisher, TableReader
from common.kafka.subscription import HEARTBEAT_SECONDS, Subscription, count_shards
from common.ledger.ledger import LedgerParts, RetryDelays, ShardLedger, StateTopics
from common.ledger.store import FencedError, LedgerStore
from common.runtime.loops import every
from common.service.consumer import Frame, Part, consumer_app, drive, not_ready
from common.storage.database import Database
from common.storage.outbox import Outbox


class Alerts:
    """The running service: what it is made of, and the loops that drive it."""

    def __init__(self, settings: AllSettings, shards: int) -> None:
        own, kafka = settings.alerts, settings.kafka
        self._settings = settings
        self._database = Database.connect(settings.database, "alerts")
        self._publisher = Publisher(kafka)
        self._outbox = Outbox("alerts", self._database, self._publisher)
        self.delivery = Delivery(settings.delivery, self._database, system_clock)
        self._work = AlertsWork(system_clock)
        self.ledger = self._make_ledger()
        self.configuration = AlertConfiguration(default_rules())
        invalid_counts = InvalidCountReports()
        self._evaluator = Evaluator(
            ledger=self.ledger,
            work=self._work,
            configuration=self.configuration,
            invalid_counts=invalid_counts,
            database=self._database,
            outbox=self._outbox,
            clock=system_clock,
            shards=shards,
            silence=timedelta(seconds=own.shard_silence_seconds),
        )
        on_configuration = configuration_handler(self.configuration, self.test, system_clock)
        self.control = TableReader(kafka, CONFIGURATION_TOPICS, on_configuration)
        self._refusals = TableReader(
            kafka, DEAD_LETTER_TOPICS, dead_letter_handler(invalid_counts, system_clock)
        )
        self._subscription = Subscription(kafka, "alerts", STATE_TOPICS, self.ledger)
        self._store = LedgerStore("alerts")

    def _make_ledger(self) -> ShardLedger:
        return ShardLedger(
            LedgerParts(
                schema="alerts",
                topics=(),
                kafka=self._settings.kafka,
                database=self._database,
                work=self._work,
                clock=system_clock,
                levels=StateTopics(STATE_TOPICS, self._work.observe),
                delays=RetryDelays(fenced_seconds=HEARTBEAT_SECONDS),
            )
        )

    async def run(self) -> None:
        """Run until cancelled."""
        own = self._settings.alerts
        frame = Frame(self.ledger, self._subscription, self._publisher, self._database)
        parts: list[Part] = [
            self.control.run,
            self._refusals.run,
            self._outbox.run,
            self.delivery.run,
            partial(every, own.tick_seconds, "tick", self._tick),
            partial(every, own.purge_seconds, "purge", self._purge),
        ]
        await drive(frame, own.stall_seconds, parts)

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready."""
        return not_ready(self.ledger, {"catalog and rules": self.control})

    async def test(self, request: ChannelTestRequested) -> None:
        """Hand the test of a channel to delivery; any process may, and it is written once."""
        notification = channel_test(request.channel, request.command_id, request.requested_at)
        async with self._database.write() as session:
            await repository.store_notifications(session, [notification])
        self.delivery.wake()

    async def _tick(self) -> None:
        if self.control.caught_up.is_set():
            await self._evaluator.tick()
            self.delivery.wake()

    async def _purge(self) -> None:
        before = system_clock() - timedelta(days=self._settings.alerts.retention_days)
        for shard, own in list(self.ledger.owned.items()):
            try:
                async with self._database.write() as session:
                    await self._store.lock(session, shard, own.epoch, own.next_offsets)
                    gone = await repository.purge(session, shard, before)
                    await self._outbox.add(session, tombstones(shard, gone))
            except FencedError:
                continue  # whoever has it now purges it
        self._outbox.wake()


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""

    async def make() -> Alerts:
        return Alerts(settings, await count_shards(settings.kafka, STATE_TOPICS))

    return consumer_app("alerts", settings.service, make)
