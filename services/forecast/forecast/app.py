"""The composition root: runtime, work, forecaster, and their loops."""

from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

from fastapi import FastAPI

from common.kafka.topics import BURNRATES, CATALOG, FORECASTS
from common.kafka.unreadable import event_handler
from common.ledger.runtime import ConsumerRuntime
from common.runtime.loops import every
from common.service.consumer import Consumer, consumer_app
from forecast.forecasting import Forecaster
from forecast.handlers import Retired
from forecast.settings import AllSettings
from forecast.work import ForecastWork


class Forecast(Consumer):
    """The running service."""

    state_topics = (BURNRATES.name,)

    def __init__(self, settings: AllSettings, shards: int) -> None:
        own = settings.forecast
        runtime = ConsumerRuntime.connect("forecast", settings, shards)
        work = ForecastWork(own, runtime.clock)
        super().__init__(runtime, work, own.stall_seconds)
        self._tick_seconds = own.tick_seconds
        retired = Retired()
        self._catalog = self.read_table("catalog", (CATALOG.name,), event_handler(retired.apply))
        self._forecaster = Forecaster(own, runtime, self.ledger, work, retired)

    def loops(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Give the loop that forecasts."""
        yield every(self._tick_seconds, "tick", self._tick)

    async def _tick(self) -> None:
        if self._catalog.caught_up.is_set():
            await self._forecaster.tick()


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""
    topics = (*Forecast.state_topics, FORECASTS.name)
    return consumer_app("forecast", settings, topics, partial(Forecast, settings))
