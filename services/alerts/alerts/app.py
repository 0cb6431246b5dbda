"""The composition root: runtime, work, evaluator, delivery, and their loops."""

from collections.abc import Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

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
from alerts.work import AlertsWork
from common.alerting.default_rules import default_rules
from common.events import ChannelTestRequested
from common.kafka.client import TableReader
from common.kafka.topics import BURNRATES, FORECASTS
from common.ledger.runtime import ConsumerRuntime
from common.ledger.store import FencedError, LedgerStore
from common.runtime.loops import every
from common.service.consumer import Consumer, consumer_app


class Alerts(Consumer):
    """The running service."""

    state_topics = (BURNRATES.name, FORECASTS.name)

    def __init__(self, settings: AllSettings, shards: int) -> None:
        self._settings = own = settings.alerts
        runtime = ConsumerRuntime.connect("alerts", settings, shards)
        work = AlertsWork(runtime.clock)
        super().__init__(runtime, work, own.stall_seconds)
        self._delivery = Delivery(settings.delivery, runtime.database, runtime.clock)
        configuration, invalid_counts = AlertConfiguration(default_rules()), InvalidCountReports()
        self._evaluator = Evaluator(
            runtime=runtime,
            ledger=self.ledger,
            work=work,
            configuration=configuration,
            invalid_counts=invalid_counts,
            silence=timedelta(seconds=own.shard_silence_seconds),
        )
        on_configuration = configuration_handler(configuration, self.test, runtime.clock)
        self._configuration = self.read_table(
            "catalog and rules", CONFIGURATION_TOPICS, on_configuration
        )
        # figures do not wait until the dead letters are read
        on_dead_letters = dead_letter_handler(invalid_counts, runtime.clock)
        self._dead_letters = TableReader(runtime.kafka, DEAD_LETTER_TOPICS, on_dead_letters)
        self._store = LedgerStore("alerts")

    def loops(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that evaluate, publish, deliver and purge."""
        own = self._settings
        yield self._dead_letters.run()
        yield self.runtime.outbox.run()
        yield self._delivery.run()
        yield every(own.tick_seconds, "tick", self._tick)
        yield every(own.purge_seconds, "purge", self._purge)

    async def test(self, request: ChannelTestRequested) -> None:
        """Hand a channel test to delivery. Every process may; it is stored once."""
        notification = channel_test(request.channel, request.command_id, request.requested_at)
        async with self.runtime.database.write() as session:
            await repository.store_notifications(session, [notification])
        self._delivery.wake()

    async def _tick(self) -> None:
        if self._configuration.caught_up.is_set():
            await self._evaluator.tick()
            self._delivery.wake()

    async def _purge(self) -> None:
        before = self.runtime.clock() - timedelta(days=self._settings.retention_days)
        for shard, own in list(self.ledger.owned.items()):
            try:
                async with self.runtime.database.write() as session:
                    await self._store.lock(session, shard, own.epoch, own.next_offsets)
                    gone = await repository.purge(session, shard, before)
                    await self.runtime.outbox.add(session, tombstones(shard, gone))
            except FencedError:
                continue  # its new owner purges it
        self.runtime.outbox.wake()


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""
    return consumer_app("alerts", settings, Alerts.state_topics, partial(Alerts, settings))
