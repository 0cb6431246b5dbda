"""The overview of all services: each in one line, with forecast, decision and the last day."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api_gateway.burn.hourly import HOURS_SHOWN, hour_ends, hourly_burn_rates
from api_gateway.burn.repository import CountStore
from api_gateway.catalog.cache import CatalogCache, InUse
from api_gateway.catalog.domain import Service, Target
from api_gateway.http.response_cache import CachedResponse
from api_gateway.overview.schemas import OverviewAnswer, OverviewRow
from api_gateway.projections.decisions import DecisionBook
from api_gateway.projections.forecasts import ForecastBook
from api_gateway.projections.snapshots import ReadModel
from api_gateway.release.domain import Change, Release, release_of
from common.config.clock import MICROSECONDS, Clock, to_micros
from common.events import TargetSpec

TRENDS_FRESH = timedelta(seconds=15)
_FEATURE = Change()


@dataclass(frozen=True, slots=True)
class Results:
    """The newest results of the other services."""

    figures: ReadModel
    forecasts: ForecastBook
    decisions: DecisionBook


@dataclass(slots=True)
class Trends:
    """Burn rates by hour, and until when they are recent enough."""

    until: datetime
    ends: list[int] = field(default_factory=list)
    rates: dict[str, list[float | None]] = field(default_factory=dict)


class Overview:
    """Makes the overview from memory; the hours alone are read from the store, now and then."""

    def __init__(
        self,
        count_store: CountStore,
        roster: CatalogCache,
        results: Results,
        default: TargetSpec,
        clock: Clock,
    ) -> None:
        self._count_store, self._roster, self._results = count_store, roster, results
        self._default, self._clock = default, clock
        self._trends: Trends | None = None
        self._reading = asyncio.Lock()

    async def make(self) -> CachedResponse:
        """Return the answer of this moment."""
        now = self._clock()
        in_use = await self._roster.in_use()
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
        state = self._results.figures.state(service.name, targets, now)
        forecast = self._results.forecasts.state(state, now).slos[0]
        rates = trends.rates.get(service.name, [None] * HOURS_SHOWN)
        return OverviewRow.of(service, state, forecast, self._release(service, now), rates)

    def _release(self, service: Service, now: datetime) -> Release | None:
        """Return what holds for a feature; an override counts if the newest decision names it."""
        decision = self._results.decisions.newest(service.name)
        if decision is None:
            return None
        named = {v.override_id for v in decision.verdicts if v.override_id is not None}
        return release_of(decision, _FEATURE, service, named, now)

    async def _recent_trends(self, in_use: InUse, now: datetime) -> Trends:
        async with self._reading:
            if self._trends is None or now >= self._trends.until:
                ends = hour_ends(to_micros(now) // MICROSECONDS)
                targets = [target for own in in_use.targets.values() for target in own]
                async with self._count_store.read() as reader:
                    counts = await reader.hourly_counts(ends)
                    slow = await reader.hourly_slow(ends, targets)
                rates = hourly_burn_rates(counts, slow, in_use.targets, self._default)
                self._trends = Trends(now + TRENDS_FRESH, ends.tolist(), rates)
            return self._trends
