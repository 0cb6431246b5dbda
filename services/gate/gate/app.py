"""The composition root: settings, database, Kafka, ledger, decider, and their loops."""

import asyncio
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from common.config.clock import system_clock
from common.kafka.client import Publisher, TableReader
from common.kafka.subscription import HEARTBEAT_SECONDS, Subscription, count_shards
from common.kafka.topics import BURNRATES, CATALOG, CHANGES, DECISIONS, FORECASTS, POLICIES
from common.ledger.dlq_limit import DlqLimits
from common.ledger.ledger import LedgerParts, RetryDelays, ShardLedger, StateTopics
from common.policy.files import read_policies
from common.runtime.loops import every
from common.service.consumer import Frame, Part, consumer_app, drive, not_ready
from common.storage.database import Database
from common.storage.outbox import Outbox
from gate.deciding import Decider
from gate.domain.configuration import Intent
from gate.handlers import intent_handler, level_handler
from gate.settings import AllSettings
from gate.storage import repository
from gate.work import GateWork

INPUTS = (CHANGES.name,)
LEVELS = (BURNRATES.name, FORECASTS.name)


class Gate:
    """The running service: what it is made of, and the loops that drive it."""

    def __init__(self, settings: AllSettings, shards: int) -> None:
        own = settings.gate
        self._settings = settings
        self._database = Database.connect(settings.database, "gate")
        self._publisher = Publisher(settings.kafka)
        self._outbox = Outbox("gate", self._database, self._publisher)
        self._work = GateWork(self._outbox, DlqLimits(own.max_bad_ratio, own.max_bad_run))
        woken = asyncio.Event()
        self.ledger = self._make_ledger(woken)
        intent = Intent(read_policies(settings.policies.files))
        self._decider = Decider(
            settings=own,
            shards=shards,
            ledger=self.ledger,
            views=self._work.views,
            traces=self._work.traces,
            intent=intent,
            database=self._database,
            publisher=self._publisher,
            clock=system_clock,
            woken=woken,
        )
        on_wanted = intent_handler(intent, self._decider)
        self.wanted = TableReader(settings.kafka, (CATALOG.name, POLICIES.name), on_wanted)
        self._subscription = Subscription(settings.kafka, "gate", (*INPUTS, *LEVELS), self.ledger)

    def _make_ledger(self, woken: asyncio.Event) -> ShardLedger:
        on_levels = level_handler(self._work.views, system_clock, woken.set, self._work.traces)
        return ShardLedger(
            LedgerParts(
                schema="gate",
                topics=INPUTS,
                kafka=self._settings.kafka,
                database=self._database,
                work=self._work,
                clock=system_clock,
                levels=StateTopics(LEVELS, on_levels),
                delays=RetryDelays(fenced_seconds=HEARTBEAT_SECONDS),
            )
        )

    async def run(self) -> None:
        """Run until cancelled."""
        own = self._settings.gate
        frame = Frame(self.ledger, self._subscription, self._publisher, self._database)
        parts: list[Part] = [
            self.wanted.run,
            self._outbox.run,
            partial(self._decider.run, self.wanted.caught_up.is_set),
            partial(every, own.tick_seconds, "flush", self.ledger.flush),
            partial(every, 1.0, "probe", self.ledger.probe),
            partial(every, own.purge_seconds, "purge", self._purge),
        ]
        await drive(frame, own.stall_seconds, parts)

    async def failing(self) -> dict[str, str]:
        """Return what keeps the service from being ready."""
        return not_ready(self.ledger, {"catalog and policies": self.wanted})

    async def _purge(self) -> None:
        before = system_clock() - timedelta(days=self._settings.gate.keep_days)
        async with self._database.write() as session:
            await repository.purge(session, before)
            await self._work.letters.purge(session, before)


def create_app(settings: AllSettings) -> FastAPI:
    """Return the application; its lifespan runs the service."""
    topics = (*INPUTS, *LEVELS, DECISIONS.name)

    async def make() -> Gate:
        return Gate(settings, await count_shards(settings.kafka, topics))

    return consumer_app("gate", settings.service, make)
