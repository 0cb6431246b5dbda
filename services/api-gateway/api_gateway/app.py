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

from api_gateway.alerts.channels import ChannelService
from api_gateway.alerts.repository import AlertStore
from api_gateway.alerts.rules import RuleService
from api_gateway.alerts.service import AlertService
from api_gateway.api_keys.repository import ApiKeyStore
from api_gateway.api_keys.service import ApiKeyService
from api_gateway.application import gateway_app
from api_gateway.audit.repository import AuditStore
from api_gateway.audit.service import AuditService
from api_gateway.burn.repository import CountStore
from api_gateway.burn.service import BurnHistories
from api_gateway.burn.totals import Totals
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.repository import CatalogStore
from api_gateway.catalog.service import Catalog
from api_gateway.ingest_health.lag import LagReader, LogEnds
from api_gateway.ingest_health.repository import IngestStore
from api_gateway.ingest_health.service import DeadLetterService
from api_gateway.ingest_health.skips import BatchSkips
from api_gateway.loosening.guard import LooseningGuard
from api_gateway.loosening.repository import LooseningStore
from api_gateway.narrative.language_model import warn_if_public
from api_gateway.overview.service import Overview
from api_gateway.policy.overrides import OverrideService
from api_gateway.policy.policies import PolicyService
from api_gateway.policy.repository import PolicyStore, end_overrides
from api_gateway.projections.change_feed import ChangeLog
from api_gateway.projections.commands import ComputeCommands
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.discovery import Discovery
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.handlers import Handlers, Projections
from api_gateway.projections.overrides import OverrideBook
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.history import ReleaseHistory
from api_gateway.release.repository import ResultStore
from api_gateway.release.service import ReleaseService
from api_gateway.reviews.policies import PoliciesOfLoosening
from api_gateway.reviews.previews import Previews
from api_gateway.reviews.rewriting import Rewriter
from api_gateway.reviews.service import LooseningService
from api_gateway.routers.dependencies import Services
from api_gateway.settings import GatewaySettings
from api_gateway.slo_exporter import exported
from api_gateway.storage.redis_cache import SharedCache, shared_cache
from api_gateway.summary.context import RecentEvents
from api_gateway.summary.providers import executive_view
from api_gateway.summary.service import Summaries
from common.access.key_cache import ApiKeyCache, KeyRecords, KeyUses, UseReports
from common.access.middleware import access_of
from common.config.clock import Clock, system_clock
from common.events import TargetSpec
from common.kafka.client import Publisher, Record, Sender, TableReader
from common.kafka.log_ends import read_log_ends
from common.kafka.topics import (
    ALERTS,
    BURNRATES,
    CATALOG,
    DECISIONS,
    FORECASTS,
    KEY_USES,
    KEYS,
    POLICIES,
    RULES,
)
from common.observability.logging import configure_logging
from common.policy.files import PolicySettings, read_policies
from common.runtime.loops import background
from common.storage.database import Database
from common.storage.outbox import Outbox

log = structlog.get_logger()

RETRY_SECONDS = 1.0
DATABASE_CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Connections:
    """What connects a process to PostgreSQL, Kafka and Redis."""

    database: Database
    outbox: Outbox
    publisher: Sender
    cache: SharedCache
    log_ends: LogEnds


def make_services(
    settings: GatewaySettings, to: Connections, clock: Clock = system_clock
) -> Services:
    """Make what the operations depend on, and what is followed for them."""
    store = CatalogStore(to.database, to.outbox, end_overrides)
    counts, results = CountStore(to.database), ResultStore(to.database)
    policy_store, alerts = PolicyStore(to.database, to.outbox), AlertStore(to.database, to.outbox)
    default = TargetSpec.default(settings.default_objective, settings.default_window_days)
    snapshots = ReadModel(timedelta(seconds=settings.shard_silence_seconds), default)
    forecasts = ForecastBook(timedelta(seconds=settings.forecast_lifetime_seconds))
    projections = Projections(
        snapshots, forecasts, decisions := DecisionBook(), overrides := OverrideBook()
    )
    files, loosening = read_policies(PolicySettings().files), LooseningStore(to.database, to.outbox)
    guard = LooseningGuard(PoliciesOfLoosening(files, clock), decisions.blocks, clock)
    catalog = Catalog(store, guard, default, clock, lambda: view.catalog.known)
    policies, rules = PolicyService(policy_store, files, guard), RuleService(alerts, guard)
    unready = timedelta(seconds=settings.unready_seconds)
    alert_service = AlertService(alerts, guard, snapshots, unready)
    histories = BurnHistories(store, counts, to.cache, snapshots)
    events = RecentEvents(results, alert_service, 2 * settings.ready_seconds).events
    view = executive_view(settings, store, counts, to.cache, projections, events, clock)
    return Services(
        clock,
        *(store, catalog, view.catalog, view.ready, view.summaries, results),
        *(projections, snapshots, forecasts, decisions, overrides, ChangeLog(), Discovery(store)),
        *(histories, Overview(counts, view.catalog, projections, default, clock)),
        ComputeCommands(to.publisher, clock, settings.partitions, settings.compute_timeout_seconds),
        *(policy_store, policies, Totals(view.catalog, counts, snapshots)),
        AuditService(AuditStore(to.database)),
        OverrideService(policy_store, policies, decisions, settings.override_visible_seconds),
        ReleaseService(catalog, policy_store, snapshots, decisions, policies),
        ReleaseHistory(results, policy_store, decisions),
        *(alerts, alert_service, rules, loosening),
        LooseningService(loosening, Rewriter(catalog, policies, rules, alert_service)),
        Previews(loosening, policies, histories, projections, guard, default),
        ChannelService(alerts, to.publisher, clock, settings.channel_test_timeout_seconds),
        *_keys_and_ingest(settings, to, clock),
    )


def _keys_and_ingest(
    settings: GatewaySettings, to: Connections, clock: Clock
) -> tuple[object, ...]:
    """Make what stands apart from the promises: who may come in, and what came in."""
    known, uses = ApiKeyCache(), KeyUses()
    key_store, ingest = ApiKeyStore(to.database, to.outbox), IngestStore(to.database, to.outbox)
    return (
        *(known, uses, KeyRecords(known, uses), access_of(settings, known, clock)),
        *(key_store, ApiKeyService(key_store, known, clock)),
        DeadLetterService(ingest, settings.lateness),
        *(LagReader(ingest, to.log_ends, clock), BatchSkips(ingest, to.log_ends)),
    )


class Runtime:
    """The gateway of a process, with what it runs in the background."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._database = Database.connect(settings, "api-gateway")
        self._publisher = Publisher(settings)
        self._outbox = Outbox("catalog", self._database, self._publisher)
        self._cache, log_ends = shared_cache(settings), partial(read_log_ends, settings)
        connections = Connections(
            self._database, self._outbox, self._publisher, self._cache, log_ends
        )
        self.services = make_services(settings, connections)
        of = self.services.get
        self._snapshots, self._changes, self._keys = of(ReadModel), of(ChangeLog), of(KeyRecords)
        self._handlers = Handlers(of(Projections), of(ComputeCommands), of(Discovery).saw)
        self._read_again = asyncio.Event()
        self._reader = TableReader(
            settings,
            [t.name for t in (BURNRATES, DECISIONS, FORECASTS, ALERTS, CATALOG, POLICIES, RULES)],
            self._on_records,
            on_start=self._forget,
        )
        self._key_reader = TableReader(
            settings, [KEYS.name, KEY_USES.name], self._keys.on_records, self._forget_keys
        )
        of(ApiKeyCache).complete_when(self._key_reader.caught_up.is_set)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Run everything while the application serves."""
        configure_logging("api-gateway", debug=self._settings.debug)
        warn_if_public(self._settings.ai_base_url)
        of = self.services.get
        loops = {
            "outbox": self._outbox.run,
            "reader": self._reader.run,
            "key_reader": self._key_reader.run,
            "key_uses": UseReports("api-gateway", of(ApiKeyCache), self._publisher).run,
            "keys_in_database": of(ApiKeyService).follow,
            "discovery": of(Discovery).run,
            "republish": self._republish,
            "catalog": of(CatalogCache).run,
        }
        exports = exported(self.services, self._settings, self._reader.caught_up)
        try:
            async with background(*(_keep(name, run) for name, run in loops.items())):
                with exports:
                    yield
        finally:
            await of(Summaries).close()
            await self._cache.close()
            await self._publisher.stop()
            await self._database.close()

    async def readiness(self) -> dict[str, str]:
        """Return what is missing for right answers."""
        said = {"read_model": self._reader.failing(), "keys": self._key_reader.failing()}
        failing = {name: reason for name, reason in said.items() if reason is not None}
        try:
            async with asyncio.timeout(DATABASE_CHECK_SECONDS):
                await self._database.ping()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            failing["database"] = f"does not answer: {type(error).__name__}"
        return failing

    async def _on_records(self, records: Sequence[Record]) -> None:
        await self._handlers.on_records(records)
        self._changes.saw(records)

    def _forget(self) -> None:
        self._snapshots.forget_announcements()
        self._read_again.set()

    def _forget_keys(self) -> None:
        self._keys.forget()
        self._read_again.set()

    async def _republish(self) -> None:
        """Whenever the topics have been read from their start: announce what is not on them."""
        while True:
            await self._read_again.wait()
            self._read_again.clear()
            await self._reader.caught_up.wait()
            await self._key_reader.caught_up.wait()
            try:
                count = await republish(self.services)
            except BaseException:
                self._read_again.set()
                raise
            log.info("state_republished", announced_again=count)


async def republish(services: Services) -> int:
    """Announce again what users have set and is not on its topic; return how many entries."""
    now, on_topic = services.clock(), services.get(ReadModel).announced
    return (
        await services.get(CatalogStore).republish(on_topic, now)
        + await services.get(PolicyStore).republish(on_topic, now)
        + await services.get(LooseningStore).republish(on_topic, now)
        + await services.get(AlertStore).republish(on_topic, now)
        + await services.get(ApiKeyStore).republish(services.get(KeyRecords).announced, now)
    )


async def _keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop for ever: a fault of it must not end it, nor the process."""
    while True:
        try:
            await run()
        except Exception as error:
            log.warning("loop_failed", loop=name, exc_info=error)
        await asyncio.sleep(RETRY_SECONDS)


def create_app(settings: GatewaySettings | None = None) -> FastAPI:
    """Return the gateway's application; it connects when it starts to serve."""
    settings = settings or GatewaySettings()
    runtime = Runtime(settings)
    return gateway_app(settings, runtime.services, runtime.lifespan, runtime.readiness)


def __getattr__(name: str) -> Any:
    """Make `app` when a server asks for `api_gateway.app:app`, not when this is imported."""
    if name != "app":
        raise AttributeError(name)
    return globals().setdefault("app", create_app())
