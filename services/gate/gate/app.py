"""The composition root: runtime, work, decider, and their loops."""

from collections.abc import Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from fastapi import FastAPI

from common.kafka.topics import BURNRATES, CATALOG, CHANGES, DECISIONS, FORECASTS, POLICIES
from common.ledger.dlq_limit import DlqLimits
from common.ledger.runtime import ConsumerRuntime
from common.policy.files import read_policies
from common.runtime.loops import every
from common.service.consumer import Consumer, consumer_app
from gate.deciding import Decider
from gate.domain.configuration import GateConfiguration
from gate.handlers import configuration_handler
from gate.settings import AllSettings
from gate.storage import repository
from gate.work import GateWork


class Gate(Consumer):
    """The running service."""

    inputs = (CHANGES.name,)
    state_topics = (BURNRATES.name, FORECASTS.name)

    def __init__(self, settings: AllSettings, shards: int) -> None:
        self._settings = own = settings.gate
        runtime = ConsumerRuntime.connect("gate", settings, shards)
        self._work = GateWork(runtime, DlqLimits(own.max_bad_ratio, own.max_bad_run))
        super().__init__(runtime, self._work, own.stall_seconds)
        configuration = GateConfiguration(read_policies(settings.policies.files))
        self._decider = Decider(own, runtime, self.ledger, self._work, configuration)
        self._configuration = self.read_table(
            "catalog and policies",
            (CATALOG.name, POLICIES.name),
            configuration_handler(configuration, self._decider.touch),
        )

    def loops(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the loops that decide, apply changes, publish and purge."""
        own = self._settings
        yield self.runtime.outbox.run()
        yield every(own.tick_seconds, "tick", self._tick, woken=self._work.woken)
        yield every(own.tick_seconds, "flush", self.ledger.flush)
        yield every(1.0, "probe", self.ledger.probe)
        yield every(own.purge_seconds, "purge", self._purge)

    async def _tick(self) -> None:
        """Decide, once the configuration is known."""
        await self._configuration.caught_up.wait()
        await self._decider.tick()

    async def _purge(self) -> None:
        before = self.runtime.clock() - timedelta(days=self._settings.keep_days)
        async with self.runtime.database.write() as session:
            await repository.purge(session, before)
            await self._work.dead_letters.purge(session, before)


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""
    topics = (*Gate.inputs, *Gate.state_topics, DECISIONS.name)
    return consumer_app("gate", settings, topics, partial(Gate, settings))
