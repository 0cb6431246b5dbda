"""A gateway of a test, with all that the test may turn; records go to the real handlers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import httpx
from aiokafka import TopicPartition
from fastapi import FastAPI

from api_gateway.projections.discovery import Discovery
from api_gateway.projections.handlers import Handlers
from api_gateway.routers.dependencies import Services
from api_gateway.storage.redis_cache import SharedCache
from common.access.key_cache import ApiKeyCache
from common.events import (
    BurnRateMessage,
    CatalogMessage,
    GateDecision,
    PolicyMessage,
    Scope,
    ServiceForecast,
    encode,
)
from common.kafka.client import Outgoing, Record, UnknownOutcomeError
from common.kafka.log_ends import LogEnd
from common.kafka.topics import BURNRATES, CATALOG, DECISIONS, FORECASTS, POLICIES, Topic
from tests.support.gateway.access import api_key
from tests.support.gateway.database import GatewayDatabase
from tests.support.kafka_records import record

Kind = TypeVar("Kind")

TOKEN = "a token of this test"
WHY = {"reason": "it was agreed upon by all"}
"""Of a write that makes a promise milder."""
_WHO_COLUMNS = r"""SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'catalog' AND data_type = 'text'
    AND (column_name IN ('actor', 'approver') OR column_name LIKE '%\_by')"""
READ_TOPICS = (BURNRATES, DECISIONS, FORECASTS, CATALOG, POLICIES)


class CommandLog:
    """Takes commands in place of a broker; `answer` makes what comes of them at once."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None]] = []
        self.acknowledges = True
        self.answer: Any = None

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        if not self.acknowledges:
            raise UnknownOutcomeError("no broker")
        for topic, value, *_ in records:
            self.sent.append((topic, value))
            if self.answer:
                await self.answer(value)


class LogEndsStub:
    """The ends of logs as the broker would tell them; `failure` is raised when they are asked."""

    def __init__(self) -> None:
        self.known: dict[TopicPartition, LogEnd] = {}
        self.failure: Exception | None = None
        self.asked: list[dict[TopicPartition, int]] = []

    async def ends(
        self, topics: Sequence[str], next_offsets: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, LogEnd]:
        if self.failure:
            raise self.failure
        self.asked.append(dict(next_offsets))
        return {tp: end for tp, end in self.known.items() if tp.topic in topics}


@dataclass
class GatewayHarness:
    """A running application and all that a test may turn."""

    app: FastAPI
    client: httpx.AsyncClient
    services: Services
    database: GatewayDatabase
    sender: CommandLog
    handlers: Handlers
    discovery: Discovery
    now: list[datetime]
    logs: LogEndsStub
    cache: SharedCache
    fed: list[Record] = field(default_factory=list)

    @property
    def ring(self) -> ApiKeyCache:
        """The API keys that the application knows."""
        return self.of(ApiKeyCache)

    def of(self, kind: type[Kind]) -> Kind:
        """Return the application's service of a class."""
        return self.services.get(kind)

    async def announced(self, topic: Topic[Any]) -> list[Any]:
        """Return the events of a topic that wait in the outbox, oldest first."""
        rows = await self.database.rows(
            "SELECT value FROM catalog.outbox WHERE topic = :topic ORDER BY id", topic=topic.name
        )
        return [topic.decode(record(topic.name, row.value)) for row in rows]

    async def audited(self) -> list[Any]:
        """Return the rows of the audit, oldest first; `details` are JSON's objects."""
        return await self.database.rows("SELECT * FROM catalog.audit ORDER BY id")

    async def writers(self) -> set[str]:
        """Return whoever stands in any column of the catalog that says who did something."""
        columns = await self.database.rows(_WHO_COLUMNS)
        every = [f"SELECT {c.column_name} AS who FROM catalog.{c.table_name}" for c in columns]
        return {row.who for row in await self.database.rows(" UNION ".join(every)) if row.who}

    async def feed(
        self,
        *messages: BurnRateMessage
        | CatalogMessage
        | PolicyMessage
        | GateDecision
        | ServiceForecast,
    ) -> None:
        """Hand encoded events to the handlers, as a reader would."""
        for message in messages:
            topic = next(t for t in READ_TOPICS if isinstance(message, t.events))
            await self.feed_bytes(topic.name, encode(message))

    async def feed_bytes(self, topic: str, value: bytes | None) -> None:
        self.fed.append(record(topic, value, offset=len(self.fed)))
        await self.handlers.on_records(self.fed[-1:])

    async def write(
        self, method: str, path: str, content: object = None, key: str = TOKEN
    ) -> httpx.Response:
        """Send a write with the token, or a key; content that is bytes goes as it is."""
        headers = {"Authorization": f"Bearer {key}"}
        if isinstance(content, bytes):
            headers["Content-Type"] = "application/json"
            return await self.client.request(method, path, content=content, headers=headers)
        return await self.client.request(method, path, json=content, headers=headers)

    async def get(self, path: str, **query: str) -> Any:
        """Return the JSON of a 200 answer."""
        response = await self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def key(self, name: str, *scopes: Scope) -> str:
        """Return a new key of that name, which the application knows."""
        made = api_key(*scopes, name=name)
        self.ring.apply(made.key)
        return made.text

    async def service(self, name: str = "checkout") -> Any:
        """Declare a service; return it as answered."""
        body = {"name": name, "tier": 1, "owner": "payments"}
        response = await self.write("POST", "/api/services", body)
        assert response.status_code == 201, response.text
        return response.json()

    async def target(self, service: str = "checkout", **fields: object) -> Any:
        """Create a target; return it as answered."""
        body = {"name": "main", "sli_type": "availability", "objective": 0.999, **fields}
        body = {key: value for key, value in body.items() if value is not None}
        response = await self.write("POST", f"/api/slo/{service}/targets", body)
        assert response.status_code == 201, response.text
        return response.json()
