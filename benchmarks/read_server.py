"""A gateway full of services for `bench_reads.py`: real PostgreSQL, results that go on changing.

Beside the product's operations it answers an empty GET, and each hot answer built from PostgreSQL
for every request by the same code: `/from-postgres/...`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from sqlalchemy import text

from api_gateway.catalog.service import Catalog
from api_gateway.policy.policies import PolicyService
from api_gateway.projections.commands import ComputeCommands
from common.events import TargetSpec

sys.path.insert(0, str(Path(__file__).parents[1]))

from read_rows import store

from api_gateway.alerts.domain import Confirmation
from api_gateway.app import Connections, make_services
from api_gateway.application import gateway_app
from api_gateway.burn.repository import CountStore
from api_gateway.catalog.repository import CatalogStore
from api_gateway.http.pagination import DEFAULT_LIMIT, Page
from api_gateway.http.response_cache import CachedResponse
from api_gateway.http.time_range import span
from api_gateway.policy.repository import PolicyStore
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.handlers import Handlers, Projections
from api_gateway.projections.overrides import OverrideBook
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.domain import ProposedChange
from api_gateway.release.schemas import ReleaseAnswer
from api_gateway.release.service import ReleaseService
from api_gateway.routers.burn import burn_rates
from api_gateway.settings import GatewaySettings
from api_gateway.storage.redis_cache import SharedCache
from api_gateway.summary.context import Events
from api_gateway.summary.providers import ExecutiveView, executive_view
from common.events import BurnRateSnapshot, Event, GateDecision, encode
from common.kafka.client import Publisher
from common.kafka.log_ends import read_log_ends
from common.kafka.topics import BURNRATES, DECISIONS
from common.storage.database import Database
from common.storage.outbox import Outbox
from tests.support.burn_events import heartbeat, slo_status, snapshot
from tests.support.gateway.decisions import decided
from tests.support.kafka_records import record

SHARDS = 4
SNAPSHOTS = text("SELECT payload::text FROM burnrate.snapshot")
DECISION = text(
    "SELECT decision::text FROM gate.standing JOIN gate.decision USING (decision_id)"
    " WHERE standing.service = :service"
)
CHANCE = Random(7)
DEFAULT = TargetSpec.default(Decimal("0.999"), 30)
CHANGED_SHARE = 10
"""One service in so many has a new snapshot each second, and a new decision."""

_snapshots = msgspec.json.Decoder(BurnRateSnapshot)
_decisions = msgspec.json.Decoder(GateDecision)


async def _no_events(now: datetime) -> Events:
    return Events(Confirmation("ok", now), now)


class Served:
    """The gateway's parts, and what feeds them."""

    def __init__(self, url: str, services: int) -> None:
        given = {"database_url": url, "partitions": SHARDS, "pool_size": 16}
        given |= {"reads_per_second": 1e9, "read_burst": 10**9}
        self.settings = GatewaySettings.model_validate(given)
        self.names = [f"service-{n:04d}" for n in range(services)]
        self.database = Database.connect(self.settings, "bench")
        publisher = Publisher(self.settings)
        outbox, ends = (
            Outbox("catalog", self.database, publisher),
            partial(read_log_ends, self.settings),
        )
        connections = Connections(self.database, outbox, publisher, SharedCache(), ends)
        self.publisher = publisher
        self.services = make_services(self.settings, connections)
        of = self.services.get
        self.handlers = Handlers(of(Projections), of(ComputeCommands), lambda _: None)

    async def fill(self) -> None:
        """Store services and their snapshots, and hand them to the read model."""
        async with self.services.get(CatalogStore).write() as writer:
            await writer.discover(self.names)
        await self.feed(self.names)
        rows = [
            {
                "service": name,
                "slot": slot,
                "at": datetime.now(UTC),
                "snapshot": encode(self.snapshot(name)).decode(),
                "decision": encode(decided(name, "BLOCK")).decode(),
            }
            for slot, name in enumerate(self.names)
        ]
        async with self.database.write() as session:
            await store(session, rows)

    def snapshot(self, name: str) -> BurnRateSnapshot:
        """Return a snapshot of now; one service in ten burns."""
        now = datetime.now(UTC)
        burn = CHANCE.expovariate(2)
        slo = slo_status(composite_burn_rate=burn, burn_rate_1h=burn, error_budget_remaining=burn)
        return snapshot(name, slo, evaluated_at=now, applied_through=now, newest_at=now)

    async def feed(self, names: list[str]) -> None:
        """Hand new results of some services, and a sign of life of every shard, to the readers."""
        now = datetime.now(UTC)
        for name in names:
            await self._handle(BURNRATES.name, self.snapshot(name))
            until = now + timedelta(seconds=30)
            decision = decided(name, "BLOCK", evaluated_at=now, expires_at=until)
            await self._handle(DECISIONS.name, decision)
        for shard in range(SHARDS):
            await self._handle(BURNRATES.name, heartbeat(shard, now))

    async def _handle(self, topic: str, event: Event) -> None:
        found = record(topic, encode(event))
        await self.handlers.on_records([found])

    async def keep_changing(self) -> None:
        """Let a share of the services change each second."""
        turn = 0
        while True:
            await self.feed(self.names[turn % CHANGED_SHARE :: CHANGED_SHARE])
            turn += 1
            await asyncio.sleep(1)

    async def from_postgres(self) -> tuple[ReadModel, ExecutiveView]:
        """Return what answers are made from, with nothing but what PostgreSQL says now."""
        snapshots = ReadModel(timedelta(seconds=30), DEFAULT)
        async with self.database.read() as session:
            for payload in await session.scalars(SNAPSHOTS):
                snapshots.apply_snapshot(_snapshots.decode(payload))
        view = executive_view(
            self.settings,
            self.services.get(CatalogStore),
            CountStore(self.database),
            SharedCache(),
            Projections(snapshots, ForecastBook(timedelta()), DecisionBook(), OverrideBook()),
            _no_events,
            self.services.clock,
        )
        return snapshots, view

    async def released(self, name: str) -> ReleaseAnswer:
        """Return the answer by the newest decision that stands in PostgreSQL."""
        async with self.database.read() as session:
            payload = await session.scalar(DECISION, {"service": name})
        decisions, of = DecisionBook(), self.services.get
        decisions.apply(_decisions.decode(payload))
        releases = ReleaseService(
            of(Catalog), of(PolicyStore), of(ReadModel), decisions, of(PolicyService)
        )
        service = await of(Catalog).service(name)
        answer = await releases.answer(service, ProposedChange(), self.services.clock())
        return ReleaseAnswer.of(answer)


def application(served: Served) -> FastAPI:
    """Return the product's application with the baselines beside it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await served.fill()
        task = asyncio.create_task(served.keep_changing())
        yield
        task.cancel()
        await served.database.close()

    async def ready() -> dict[str, str]:
        return {}

    app = gateway_app(served.settings, served.services, lifespan, ready)

    @app.get("/empty")
    async def empty() -> dict[str, str]:
        return {}

    add_baselines(app, served)
    return app


def add_baselines(app: FastAPI, served: Served) -> None:
    """Add each hot answer, made from PostgreSQL for every request."""

    @app.get("/from-postgres/api/burn")
    async def burn(request: Request) -> Response:
        snapshots, view = await served.from_postgres()
        page: Page[str] = Page(None, DEFAULT_LIMIT, request, Response())
        return plain(await burn_rates(view.catalog, snapshots, page, served.services.clock()))

    @app.get("/from-postgres/api/summary")
    async def summary() -> Response:
        _, view = await served.from_postgres()
        return plain(await view.summaries.fleet())

    @app.get("/from-postgres/api/summary/heatmap")
    async def heatmap() -> Response:
        _, view = await served.from_postgres()
        asked = span(None, None, "1h", served.services.clock())
        return plain(await view.summaries.heatmap(asked, DEFAULT_LIMIT))

    @app.get("/from-postgres/api/release/{name}")
    async def release(name: str) -> ReleaseAnswer:
        return await served.released(name)


def plain(made: CachedResponse) -> Response:
    """Return an answer as it is sent when nothing is kept ready."""
    return Response(made.body, media_type="application/json")


if __name__ == "__main__":
    url, services, port = sys.argv[1:]
    app = application(Served(url, int(services)))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
