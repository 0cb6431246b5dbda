"""The overview of all services: each in one line, with forecast, decision and the last day."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api_gateway.burn.history import HourlyRates, hour_ends
from api_gateway.burn.repository import CountStore, read_hourly_rates
from api_gateway.catalog.cache import CatalogCache, InUse
from api_gateway.catalog.domain import Service, Target
from api_gateway.http.response_cache import CachedResponse
from api_gateway.overview.schemas import OverviewAnswer, OverviewDecision, OverviewRow
from api_gateway.projections.handlers import Projections
from api_gateway.release.domain import feature_release
from common.config.clock import MICROSECONDS, Clock, to_micros
from common.events import TargetSpec
from common.storage.database import DATABASE_ERRORS, is_unavailable

TRENDS_FRESH = timedelta(seconds=15)


@dataclass(slots=True)
class Trends:
    """Burn rates by hour, and until when they are recent enough."""

    until: datetime
    ends: list[int]
    hourly: HourlyRates


class Overview:
    """Makes the overview from memory; the hours alone are read from the store, now and then.

    Without the database they stay those that were read last, as `hours_end` says.
    """

    def __init__(
        self,
        count_store: CountStore,
        catalog: CatalogCache,
        projections: Projections,
        default: TargetSpec,
        clock: Clock,
    ) -> None:
        self._count_store, self._catalog, self._projections = count_store, catalog, projections
        self._default, self._clock = default, clock
        self._trends: Trends | None = None
        self._reading = asyncio.Lock()

    async def make(self) -> CachedResponse:
        """Return the answer of this moment."""
        now = self._clock()
        in_use = await self._catalog.in_use()
        trends = await self._recent_trends(in_use, now)
        rows = [
            self._row(service, in_use.targets[service.name], trends, now)
            for service in in_use.services
        ]
        answer = OverviewAnswer(hours_end=trends.ends, services=rows)
        return CachedResponse(answer.model_dump_json().encode())

    def _row(
        self, service: Service, targets: Sequence[Target], trends: Trends, now: datetime
    ) -> OverviewRow:
        known = self._projections
        state = known.snapshots.state(service.name, targets, now)
        forecast = known.forecasts.state(state, now).first_spent
        overrides = known.overrides.in_force(service.name, now)
        decision = known.decisions.newest(service.name)
        release = feature_release(decision, service, overrides, now)
        gate = None if release is None else OverviewDecision.of(release, overrides)
        return OverviewRow.of(service, state, forecast, gate, trends.hourly)

    async def _recent_trends(self, in_use: InUse, now: datetime) -> Trends:
        async with self._reading:
            if self._trends is None or now >= self._trends.until:
                try:
                    self._trends = await self._read_trends(in_use, now)
                except DATABASE_ERRORS as error:
                    if self._trends is None or not is_unavailable(error):
                        raise
            return self._trends

    async def _read_trends(self, in_use: InUse, now: datetime) -> Trends:
        ends = hour_ends(to_micros(now) // MICROSECONDS)
        async with self._count_store.read() as reader:
            hourly = await read_hourly_rates(reader, ends, in_use.targets, self._default)
        return Trends(now + TRENDS_FRESH, ends.tolist(), hourly)
