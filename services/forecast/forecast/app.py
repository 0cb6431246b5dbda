"""The composition root: settings, database, Kafka, ledger, forecaster, and their loops."""

from functools import partial

from fastapi import FastAPI

from common.config.clock import system_clock
from common.kafka.client import Publisher, TableReader
from common.kafka.subscription import HEARTBEAT_SECONDS, Subscription, count_shards
from common.kafka.topics import BURNRATES, CATALOG, FORECASTS
from common.ledger.ledger import LedgerParts, RetryDelays, ShardLedger, StateTopics
from common.runtime.loops import every
from common.service.consumer import Frame, Part, consumer_app, drive, not_ready
from common.storage.database import Database
from forecast.forecasting import Forecaster, ForecastWork
from forecast.handlers import Retired, catalog_handler, level_handler
from forecast.settings import AllSettings

LEVELS = (BURNRATES.name,)


class Forecast:
    """The running service: what it is made of, and the loops that drive it."""

    def __init__(self, settings: AllSettings) -> None:
        self._settings = settings
        self._database = Database.connect(settings.database, "forecast")
        self._publisher = Publisher(settings.kafka)
        self._work = ForecastWork(settings.forecast)
        self.ledger = self._make_ledger()
        retired = Retired()
        self.catalog = TableReader(settings.kafka, (CATALOG.name,), catalog_handler(retired))
        self._forecaster = Forecaster(
            settings=settings.forecast,
            ledger=self.ledger,
            work=self._work,
            retired=retired,
            database=self._database,
            publisher=self._publisher,
            clock=system_clock,
        )
        self._subscription = Subscription(settings.kafka, "forecast", LEVELS, self.ledger)

    def _make_ledger(self) -> ShardLedger:
        return ShardLedger(
            LedgerParts(
                schema="forecast",
                topics=(),
                kafka=self._settings.kafka,
                database=self._database,
                work=self._work,
                clock=system_clock,
                levels=StateTopics(
                    LEVELS, level_handler(self._work.levels, system_clock, self._work.traces)
                ),
                delays=RetryDelays(fenced_seconds=HEARTBEAT_SECONDS),
            )
        )

    async def run(self) -> None:
        """Run until cancelled."""
        own = self._settings.forecast
        frame = Frame(self.ledger, self._subscription, self._publisher, self._database)
        parts: list[Part] = [
            self.catalog.run,
            partial(every, own.tick_seconds, "tick", self._tick),
        ]
        await drive(frame, own.stall_seconds, parts)

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready."""
        return not_ready(self.ledger, {"catalog": self.catalog})

    async def _tick(self) -> None:
        if self.catalog.caught_up.is_set():
            await self._forecaster.tick()


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""

    async def make() -> Forecast:
        await count_shards(settings.kafka, (*LEVELS, FORECASTS.name))
        return Forecast(settings)

    return consumer_app("forecast", settings.service, make)
