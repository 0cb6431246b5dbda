"""A gateway without servers: a store in memory, and records handed to the real handlers."""

import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI

from api_gateway.burn.history import CountQuery, Counts, HourlyCounts, Reports, Seconds, SlowCounts
from api_gateway.burn.repository import CountRepository, CountStore
from api_gateway.catalog.domain import (
    Service,
    Target,
    Tier,
    service_changed,
    target_changed,
)
from api_gateway.projections.discovery import Discovery
from api_gateway.projections.handlers import Handlers
from api_gateway.routers.dependencies import Gateway
from common.access.key_cache import ApiKeyCache
from common.events import (
    BurnRateMessage,
    CatalogMessage,
    GateDecision,
    PolicyMessage,
    ServiceForecast,
    TargetSpec,
    encode,
)
from common.kafka.client import UnknownOutcomeError
from common.kafka.topics import BURNRATES, CATALOG, DECISIONS, FORECASTS, POLICIES
from common.slo.windows import HOUR
from common.storage.audit import AuditEvent
from tests.support.burn_events import NOW
from tests.support.gateway.memory_store import Memory, Outage
from tests.support.kafka_records import record

TOKEN = "a token of this test"
READ_TOPICS = (BURNRATES, DECISIONS, FORECASTS, CATALOG, POLICIES)


@dataclass
class Rows:
    """The store's content."""

    services: dict[int, Service] = field(default_factory=dict)
    targets: dict[int, Target] = field(default_factory=dict)
    bounds: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    minutes: dict[str, list[tuple[int, int, int, int]]] = field(default_factory=dict)
    slow_hours: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    announced: list[CatalogMessage] = field(default_factory=list)
    deeds: list[AuditEvent] = field(default_factory=list)
    revision: int = 0


class MemoryStore(Memory["Rows", "MemorySession"]):
    """The catalog and its counts."""

    def __init__(self) -> None:
        super().__init__(Rows(), MemorySession, Outage())


class MemoryCounts(CountStore):
    """The counts of a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @asynccontextmanager
    async def read(self) -> AsyncIterator[CountRepository]:
        async with self._store.read() as session:
            yield session


class MemorySession(CountRepository):
    """Reads and writes rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def _in_use(self) -> list[Service]:
        return sorted(
            (s for s in self._rows.services.values() if not s.retired), key=lambda s: s.name
        )

    async def services(self, after: str, limit: int) -> list[Service]:
        return [s for s in self._in_use() if s.name > after][:limit]

    async def service(self, name: str) -> Service | None:
        return next((s for s in self._in_use() if s.name == name), None)

    async def in_use(self, names: Sequence[str]) -> set[str]:
        return {s.name for s in self._in_use()} & {*names}

    async def targets(self, service_names: Sequence[str]) -> list[Target]:
        rows = self._rows.targets.values()
        return [t for t in rows if t.service_name in service_names and not t.retired]

    async def target(self, target_id: int) -> Target | None:
        target = self._rows.targets.get(target_id)
        return None if target is None or target.retired else target

    async def latency_bounds(self, service_name: str) -> list[tuple[float, ...]]:
        return self._rows.bounds.get(service_name, [])

    async def reports(self, query: CountQuery) -> Reports:
        rows = self._minutes(query)
        return Reports(rows[:, 0], rows[:, 3])

    async def counts(self, query: CountQuery) -> Counts:
        rows = self._minutes(query)
        return Counts(rows[:, 0], rows[:, 1], rows[:, 2])

    def _minutes(self, query: CountQuery) -> Any:
        rows = self._rows.minutes.get(query.service_name, [])
        kept = [row for row in sorted(rows) if query.since < row[0] <= query.until]
        return np.array(kept, dtype=np.int64).reshape(-1, 4)

    async def hourly_counts(self, ends: Seconds) -> HourlyCounts:
        names = tuple(sorted(self._rows.minutes))
        sums = np.zeros((2, len(names), len(ends)), np.int64)
        for row, name in enumerate(names):
            for end, total, bad, _ in self._rows.minutes[name]:
                (column,) = np.nonzero((ends - HOUR < end) & (end <= ends))
                sums[:, row, column] += np.array([[total], [bad]])
        return HourlyCounts(names, ends, sums[0], sums[1])

    async def hourly_slow(self, ends: Seconds, targets: Sequence[Target]) -> SlowCounts:
        del ends
        wanted = {target.id for target in targets}
        return {key: rows for key, rows in self._rows.slow_hours.items() if key in wanted}

    async def latest_revisions(self) -> tuple[list[Service], list[Target]]:
        newest: dict[str, Service] = {}
        for service in sorted(self._rows.services.values(), key=lambda s: s.revision):
            newest[service.name] = service
        return list(newest.values()), list(self._rows.targets.values())

    async def add_service(
        self, name: str, tier: Tier, owner: str, description: str | None
    ) -> Service:
        number = len(self._rows.services) + 1
        return self._keep(Service(number, name, tier, owner, description, 0, NOW, NOW))

    async def change_service(
        self, service_id: int, tier: Tier, owner: str, description: str | None
    ) -> Service:
        old = self._rows.services[service_id]
        return self._keep(replace(old, tier=tier, owner=owner, description=description))

    async def retire_service(self, service_id: int) -> None:
        service = self._rows.services[service_id]
        for target in await self.targets([service.name]):
            await self.retire_target(target.id)
        self._keep(replace(service, retired=True))

    async def discover(self, names: Sequence[str]) -> list[Service]:
        known = {s.name for s in self._rows.services.values()}
        return [await self.add_service(n, 3, "", None) for n in names if n not in known]

    async def add_target(self, service: Service, spec: TargetSpec) -> Target:
        number = len(self._rows.targets) + 1
        return self._keep_target(Target(number, service.name, spec, 0, NOW, NOW))

    async def change_target(self, target_id: int, spec: TargetSpec) -> Target:
        return self._keep_target(replace(self._rows.targets[target_id], spec=spec))

    async def retire_target(self, target_id: int) -> None:
        self._keep_target(replace(self._rows.targets[target_id], retired=True))

    async def announce(self, services: Sequence[Service], targets: Sequence[Target]) -> None:
        self._rows.announced += [service_changed(s) for s in services]
        self._rows.announced += [target_changed(t) for t in targets]

    async def record(self, deed: AuditEvent) -> None:
        self._rows.deeds.append(deed)

    def _keep(self, service: Service) -> Service:
        self._rows.revision += 1
        service = replace(service, revision=self._rows.revision)
        self._rows.services[service.id] = service
        self._rows.announced.append(service_changed(service))
        return service

    def _keep_target(self, target: Target) -> Target:
        self._rows.revision += 1
        target = replace(target, revision=self._rows.revision)
        self._rows.targets[target.id] = target
        self._rows.announced.append(target_changed(target))
        return target


class MemorySender:
    """Takes commands. `answer` makes what comes back on the result topic at once."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None]] = []
        self.acknowledges = True
        self.answer: Any = None

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: Any = ()
    ) -> None:
        del key, headers
        if not self.acknowledges:
            raise UnknownOutcomeError("no broker")
        self.sent.append((topic, value))
        if self.answer:
            await self.answer(value)


@dataclass
class GatewayHarness:
    """A running application and all that a test may turn."""

    app: FastAPI
    client: httpx.AsyncClient
    gateway: Gateway
    store: MemoryStore
    sender: MemorySender
    handlers: Handlers
    discovery: Discovery
    now: list[datetime]
    alerts: Any
    ingest: Any
    logs: Any
    offsets: Iterable[int] = field(default_factory=itertools.count)

    @property
    def ring(self) -> ApiKeyCache:
        """The API keys that the application knows."""
        return self.gateway.keys.ring

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
        offset = next(iter(self.offsets))
        await self.handlers.on_records([record(topic, value, offset=offset)])

    async def write(self, method: str, path: str, content: object = None) -> httpx.Response:
        """Send a write with the token; content that is bytes goes as it is."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        if isinstance(content, bytes):
            headers["Content-Type"] = "application/json"
            return await self.client.request(method, path, content=content, headers=headers)
        return await self.client.request(method, path, json=content, headers=headers)

    async def get(self, path: str, **query: str) -> Any:
        """Return the JSON of a 200 answer."""
        response = await self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

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
