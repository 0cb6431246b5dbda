"""The trace of one event: from HTTP through Kafka to the decision, and into what is read."""

import asyncio
from datetime import UTC, datetime

import httpx

from api_gateway.app import Connections, make_services
from api_gateway.projections.commands import ComputeCommands
from api_gateway.projections.discovery import Discovery
from api_gateway.projections.handlers import Handlers, Projections
from api_gateway.settings import GatewaySettings
from api_gateway.storage.redis_cache import SharedCache
from common.config.clock import rfc3339
from common.config.settings import KafkaSettings
from common.kafka.client import Publisher, TableReader
from common.kafka.topics import BURNRATES, DECISIONS
from common.storage.database import Database
from common.storage.outbox import Outbox
from ingest.app import create_app
from ingest.new_names import Catalog
from ingest.settings import IngestSettings
from tests.support.burnrate_service import burnrate, burnrate_settings, eventually
from tests.support.gate_service import gate, gate_settings
from tests.support.gateway.harness import CommandLog, LogEndsStub
from tests.support.traces import Traces, place, recorded

TOKEN = "a token of this test"
REQUEST = "POST /v1/events"
COUNTED = (REQUEST, "burnrate count")
EVALUATED = (*COUNTED, "burnrate evaluate")
DECIDED = (*EVALUATED, "gate read", "gate decide")
TREE = {
    (REQUEST,),
    COUNTED,
    EVALUATED,
    (*EVALUATED, "api-gateway apply"),
    DECIDED[:-1],
    DECIDED,
    (*DECIDED, "api-gateway apply"),
}


async def send(kafka: KafkaSettings) -> None:
    """Post one event to ingest, on the real Kafka."""
    publisher = Publisher(kafka, 60)
    given = {"api_token": TOKEN, "simulator_enabled": False}
    app = create_app(
        IngestSettings.model_validate(given),
        broker=publisher,
        catalog=Catalog.of(kafka),
    )
    event = {"service": "traced", "source": "test", "timestamp": rfc3339(datetime.now(UTC))}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            answer = await client.post(
                "/v1/events", json={**event, "total": 10, "bad": 1}, headers=headers
            )
        assert answer.status_code == 202, answer.text
    finally:
        await publisher.stop()


def gateway_reader(kafka: KafkaSettings) -> TableReader:
    """Return the gateway's reader with its real handlers, which need no database."""
    given = GatewaySettings.model_validate({"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    database = Database.connect(given, "test")
    outbox = Outbox("catalog", database, Publisher(kafka))
    connections = Connections(database, outbox, CommandLog(), SharedCache(), LogEndsStub().ends)
    of = make_services(given, connections).get
    handlers = Handlers(of(Projections), of(ComputeCommands), of(Discovery).saw)
    topics = [BURNRATES.name, DECISIONS.name]
    return TableReader(kafka, topics, handlers.on_records)


async def followed(traces: Traces, url: str, bootstrap: str) -> None:
    """Send an event, and wait until the whole tree is there."""
    kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=bootstrap)
    await send(kafka)
    reading = asyncio.create_task(gateway_reader(kafka).run())

    async def paths() -> set[tuple[str, ...]]:
        return traces.paths()

    try:
        async with (
            burnrate(burnrate_settings(url, bootstrap)),
            gate(gate_settings(url, bootstrap)),
        ):
            await eventually(paths, TREE, 120)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_one_event_is_one_tree(fresh_topics: str, postgres_url: str) -> None:
    with recorded() as traces:
        await followed(traces, postgres_url, fresh_topics)
        spans = traces.spans()
    assert len({place(span).trace_id for span in spans}) == 1
    [root] = [span for span in spans if span.parent is None]
    assert root.attributes is not None
    assert root.attributes["http.response.status_code"] == 202
    others = [span for span in spans if span is not root]
    assert {(span.attributes or {})["burnline.service"] for span in others} == {"traced"}
    for span in spans:
        assert (span.start_time or 0) <= (span.end_time or 0)
