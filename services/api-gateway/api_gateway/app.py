"""The composition root: everything that lives long is made, started and stopped here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI

from api_gateway.alerts.config_repository import PostgresAlerts
from api_gateway.alerts.parts import AlertParts
from api_gateway.alerts.ports import AlertStore
from api_gateway.api_keys.ports import KeyStore
from api_gateway.api_keys.repository import PostgresKeys
from api_gateway.api_keys.topics import KeyParts, KeyTopics
from api_gateway.application import gateway_app
from api_gateway.burn.repository import CountStore
from api_gateway.burn.service import BurnHistories
from api_gateway.catalog.ports import Store
from api_gateway.catalog.repository import PostgresStore
from api_gateway.catalog.service import Catalog
from api_gateway.ingest_health.lag import LogEnds
from api_gateway.ingest_health.parts import IngestParts
from api_gateway.ingest_health.ports import IngestStore
from api_gateway.ingest_health.repository import PostgresIngest
from api_gateway.narrative.language_model import warn_if_public
from api_gateway.overview.service import Overview
from api_gateway.policy.overrides import Overrides
from api_gateway.policy.policies import Policies
from api_gateway.policy.ports import IntentStore
from api_gateway.policy.repository import PostgresIntents, end_overrides
from api_gateway.projections.commands import ComputeCommands, Sender
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.discovery import Discovery
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.handlers import Handlers, Projections
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.ports import Results
from api_gateway.release.repository import PostgresResults
from api_gateway.release.service import Releases
from api_gateway.republish import (
    reconcile_alerts,
    reconcile_catalog,
    reconcile_intents,
    reconcile_keys,
)
from api_gateway.routers.dependencies import Gateway
from api_gateway.settings import GatewaySettings
from api_gateway.slo_exporter import exported
from api_gateway.storage.redis_cache import shared_cache
from api_gateway.summary.context import RecentEvents
from api_gateway.summary.providers import executive_view
from common.config.clock import Clock, system_clock
from common.events import TargetSpec
from common.kafka.client import Publisher, Record, TableReader
from common.kafka.log_ends import read_log_ends
from common.kafka.topics import ALERTS, BURNRATES, CATALOG, DECISIONS, FORECASTS, POLICIES, RULES
from common.observability.logging import configure_logging
from common.policy.files import PolicySettings, read_policies
from common.storage.database import Database
from common.storage.outbox import Outbox

log = structlog.get_logger()

RETRY_SECONDS = 1.0
DATABASE_CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stores:
    """Where what users want is kept, and where the results and logs of the other services are."""

    catalog: Store
    counts: CountStore
    intents: IntentStore
    results: Results
    alerts: AlertStore
    keys: KeyStore
    ingest: IngestStore
    log_ends: LogEnds


def postgres_stores(database: Database, outbox: Outbox, log_ends: LogEnds) -> Stores:
    """Return the stores of a database whose events an outbox publishes."""
    return Stores(
        PostgresStore(database, outbox, end_overrides),
        CountStore(database),
        PostgresIntents(database, outbox),
        PostgresResults(database),
        PostgresAlerts(database, outbox),
        PostgresKeys(database, outbox),
        PostgresIngest(database, outbox),
        log_ends,
    )


def make_gateway(
    settings: GatewaySettings, stores: Stores, publisher: Sender, clock: Clock = system_clock
) -> Gateway:
    """Put the parts together on stores and a publisher."""
    default = TargetSpec.default(settings.default_objective, settings.default_window_days)
    read_model = ReadModel(timedelta(seconds=settings.shard_silence_seconds), default)
    decisions = DecisionBook()
    forecasts = ForecastBook(timedelta(seconds=settings.forecast_lifetime_seconds))
    projections = Projections(read_model, forecasts, decisions)
    policies = Policies(stores.intents, read_policies(PolicySettings().files))
    events = RecentEvents(stores.results, stores.alerts, 2 * settings.ready_seconds).events
    cache, timeout_seconds = shared_cache(settings), settings.channel_test_timeout_seconds
    store, counts = stores.catalog, stores.counts
    view = executive_view(settings, store, counts, cache, projections, events, clock)
    return Gateway(
        store=store,
        histories=BurnHistories(store, counts, cache, read_model),
        intents=stores.intents,
        results=stores.results,
        alerts=AlertParts.of(stores.alerts, publisher, clock, timeout_seconds),
        ingest=IngestParts.of(stores.ingest, stores.log_ends, settings.lateness, clock),
        catalog=Catalog(view.catalog, clock),
        roster=view.catalog,
        ready=view.ready,
        summaries=view.summaries,
        cache=cache,
        policies=policies,
        overrides=Overrides(stores.intents, policies, decisions, settings.override_visible_seconds),
        releases=Releases(store, stores.intents, read_model, decisions, policies),
        read_model=read_model,
        decisions=decisions,
        forecasts=forecasts,
        commands=ComputeCommands(
            publisher, clock, settings.partitions, settings.compute_timeout_seconds
        ),
        clock=clock,
        overview=Overview(counts, view.catalog, projections, default, clock),
        keys=KeyParts.of(settings, stores.keys, clock),
    )


class Runtime:
    """The gateway of a process, with what it runs in the background."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._database = Database.connect(settings, "api-gateway")
        self._publisher = Publisher(settings)
        self._outbox = Outbox("catalog", self._database, self._publisher)
        stores = postgres_stores(self._database, self._outbox, partial(read_log_ends, settings))
        self.gateway = make_gateway(settings, stores, self._publisher)
        self._discovery = Discovery(stores.catalog)
        self._handlers = Handlers(
            self.gateway.projections, self.gateway.commands, self._discovery.saw
        )
        self._read_again = asyncio.Event()
        self._reader = TableReader(
            settings,
            [t.name for t in (BURNRATES, DECISIONS, FORECASTS, ALERTS, CATALOG, POLICIES, RULES)],
            self._on_records,
            on_start=self._forget,
        )
        self._key_topics = KeyTopics(
            settings, self.gateway.keys, self._publisher, self._read_again.set
        )

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Run everything while the application serves."""
        configure_logging("api-gateway", debug=self._settings.debug)
        warn_if_public(self._settings.ai_base_url)
        parts = {
            "outbox": self._outbox.run,
            "reader": self._reader.run,
            **self._key_topics.loops(),
            "discovery": self._discovery.run,
            "reconciliation": self._reconcile,
            "roster": self.gateway.roster.run,
        }
        tasks = [asyncio.create_task(_keep(name, run), name=name) for name, run in parts.items()]
        try:
            with exported(self.gateway, self._settings, self._reader.caught_up):
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.gateway.summaries.close()
            await self.gateway.cache.close()
            await self._publisher.stop()
            await self._database.close()

    async def readiness(self) -> dict[str, str]:
        """Return what is missing for right answers."""
        failing = {}
        if not self._reader.caught_up.is_set():
            failing["read_model"] = "still reading the result topics, or Kafka does not answer"
        if not self._key_topics.caught_up.is_set():
            failing["keys"] = "still reading the API keys, or Kafka does not answer"
        try:
            async with asyncio.timeout(DATABASE_CHECK_SECONDS):
                await self._database.ping()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            failing["database"] = f"does not answer: {type(error).__name__}"
        return failing

    async def _on_records(self, records: Sequence[Record]) -> None:
        await self._handlers.on_records(records)
        self.gateway.changes.saw(records)

    def _forget(self) -> None:
        self.gateway.read_model.forget_announcements()
        self._read_again.set()

    async def _reconcile(self) -> None:
        """Whenever the topics have been read from their start: announce what is not on them."""
        while True:
            await self._read_again.wait()
            self._read_again.clear()
            await self._reader.caught_up.wait()
            await self._key_topics.caught_up.wait()
            try:
                count = await self._announce_again()
            except BaseException:
                self._read_again.set()
                raise
            log.info("wishes_reconciled", announced_again=count)

    async def _announce_again(self) -> int:
        parts = self.gateway
        count = await reconcile_catalog(parts.roster, parts.read_model)
        count += await reconcile_intents(parts.intents, parts.read_model, parts.clock())
        count += await reconcile_alerts(parts.alerts.store, parts.read_model, parts.clock())
        return count + await reconcile_keys(parts.keys.book.store, parts.keys.records)


async def _keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a part for ever: a fault of it must not end it, nor the process."""
    while True:
        try:
            await run()
        except Exception as error:
            log.warning("part_failed", part=name, exc_info=error)
        await asyncio.sleep(RETRY_SECONDS)


def create_app(settings: GatewaySettings | None = None) -> FastAPI:
    """Return the gateway's application; it connects when it starts to serve."""
    settings = settings or GatewaySettings()
    runtime = Runtime(settings)
    return gateway_app(settings, runtime.gateway, runtime.lifespan, runtime.readiness)


def __getattr__(name: str) -> Any:
    """Make `app` when a server asks for `api_gateway.app:app`, not when this is imported."""
    if name != "app":
        raise AttributeError(name)
    return globals().setdefault("app", create_app())
