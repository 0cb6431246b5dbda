"""The composition root: endpoints, simulator, API keys, and their loops."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from common.access.key_cache import KeyReader, UseReports
from common.access.middleware import access_of
from common.config.clock import Clock, system_clock
from common.config.settings import AdmissionSettings, KafkaSettings
from common.kafka.client import Publisher, UnknownOutcomeError
from common.runtime.loops import background
from common.service.app import build_app
from ingest.broker import Broker
from ingest.handlers import EventsEndpoint, feeds
from ingest.in_flight import InFlightLimit, Turns
from ingest.new_names import Catalog, NewNames
from ingest.openapi import event_schemas
from ingest.settings import IngestSettings
from ingest.simulator.runner import Simulator


def create_app(  # noqa: PLR0913 - what tests put in the place of servers
    settings: IngestSettings,
    *,
    admission: AdmissionSettings | None = None,
    broker: Broker | None = None,
    keys: KeyReader | None = None,
    catalog: Catalog | None = None,
    clock: Clock = system_clock,
) -> FastAPI:
    """Return the service; it starts without Kafka and is ready once a broker answers."""
    admission = admission or AdmissionSettings()
    broker = broker or Publisher(KafkaSettings(), settings.publish_timeout_seconds)
    keys = keys or KeyReader.of(KafkaSettings())
    uses = UseReports("ingest", keys.cache, broker)
    catalog = catalog or Catalog.of(KafkaSettings())
    limit, turns = InFlightLimit(settings.max_in_flight_events), Turns()
    names = NewNames(catalog, settings.new_services_per_hour, settings.new_services_burst, clock)
    simulator = _simulator(settings, broker, clock, admission)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.freeze()  # or each look for cycles among all that is imported holds the loop 80 ms
        demonstration = [simulator.run()] if settings.simulator_enabled else []
        async with background(keys.run(), uses.run(), catalog.run(), *demonstration):
            yield
        await broker.stop()

    app = build_app(
        "Burnline ingest",
        settings,
        lifespan=lifespan,
        readiness=partial(_failing, broker, keys),
        body_limit_bytes=settings.body_limit_bytes,
        access=access_of(settings, keys.cache, clock),
    )
    for feed in feeds(admission.lateness):
        endpoint = EventsEndpoint(feed, broker, clock, limit, turns, names, settings)
        app.include_router(endpoint.router())
    _describe_events(app)
    return app


def _simulator(
    settings: IngestSettings, broker: Broker, clock: Clock, admission: AdmissionSettings
) -> Simulator:
    seed, data_dir = settings.simulator_seed, settings.data_dir
    return Simulator(broker, clock, data_dir, seed, admission.lateness)


async def _failing(broker: Broker, keys: KeyReader) -> dict[str, str]:
    try:
        await broker.check()
    except UnknownOutcomeError as error:
        return {"kafka": f"no broker answers: {error}"}
    return {} if keys.cache.complete else {"keys": "the API keys are not read to their end yet"}


def _describe_events(app: FastAPI) -> None:
    """Add the schemas of the events, which the request bodies refer to."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        document["components"]["schemas"].update(event_schemas())
        return document

    app.openapi = openapi  # type: ignore[method-assign]
