"""The overview of all services: one answer, kept ready as bytes for as long as it is fresh."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api_gateway.domain import Definition, Service, Target
from api_gateway.hourly import HOURS_SHOWN, hour_ends, hourly_burn_rates
from api_gateway.overview_schemas import OverviewAnswer, OverviewRow
from api_gateway.ports import CatalogReader, Store
from api_gateway.read_model import ReadModel
from common.clock import MICROSECONDS, to_micros

MOST_SERVICES = 2000
FRESH = timedelta(seconds=1)
TRENDS_FRESH = timedelta(seconds=60)


@dataclass(slots=True)
class Ready:
    """An answer as it is sent, and until when it may be."""

    body: bytes
    etag: str
    until: datetime


@dataclass(slots=True)
class Trends:
    """Burn rates by hour, and until when they are recent enough."""

    until: datetime
    ends: list[int] = field(default_factory=list)
    rates: dict[str, list[float | None]] = field(default_factory=dict)


class Overview:
    """Makes the overview, at most once a second however many ask for it."""

    def __init__(self, store: Store, read_model: ReadModel, default: Definition) -> None:
        self._store, self._read_model, self._default = store, read_model, default
        self._ready: Ready | None = None
        self._trends: Trends | None = None
        self._making = asyncio.Lock()

    async def ready(self, now: datetime) -> Ready:
        """Return the answer, made anew where it is older than a second."""
        async with self._making:
            if self._ready is None or now >= self._ready.until:
                body = (await self._make(now)).model_dump_json().encode()
                etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
                self._ready = Ready(body, etag, now + FRESH)
            return self._ready

    async def _make(self, now: datetime) -> OverviewAnswer:
        async with self._store.read() as reader:
            services = await reader.services("", MOST_SERVICES)
            targets = await reader.targets([service.name for service in services])
            of: dict[str, list[Target]] = {service.name: [] for service in services}
            for target in targets:
                of[target.service_name].append(target)
            trends = await self._recent_trends(reader, of, targets, now)
        return OverviewAnswer(
            hours_end=trends.ends,
            services=[self._row(service, of[service.name], trends, now) for service in services],
        )

    def _row(
        self, service: Service, targets: Sequence[Target], trends: Trends, now: datetime
    ) -> OverviewRow:
        state = self._read_model.state(service.name, targets, now)
        rates = trends.rates.get(service.name, [None] * HOURS_SHOWN)
        return OverviewRow.of(service, state, rates)

    async def _recent_trends(
        self,
        reader: CatalogReader,
        of: dict[str, list[Target]],
        targets: Sequence[Target],
        now: datetime,
    ) -> Trends:
        if self._trends is None or now >= self._trends.until:
            ends = hour_ends(to_micros(now) // MICROSECONDS)
            counts = await reader.hourly_counts(ends)
            slow = await reader.hourly_slow(ends, targets)
            rates = hourly_burn_rates(counts, slow, of, self._default)
            self._trends = Trends(now + TRENDS_FRESH, ends.tolist(), rates)
        return self._trends
