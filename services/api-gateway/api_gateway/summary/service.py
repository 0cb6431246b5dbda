"""Makes the executive answers: reads what they need, and returns them as bytes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import xxhash

from api_gateway.burn.history import HourlyRates
from api_gateway.burn.repository import CountStore, read_hourly_rates
from api_gateway.burn.steps import CountQuery, minutes_from
from api_gateway.catalog.cache import CatalogCache, InUse
from api_gateway.catalog.domain import Service, Tier
from api_gateway.http.response_cache import CachedResponse
from api_gateway.http.time_range import Span
from api_gateway.narrative.fleet_facts import fleet_input
from api_gateway.narrative.insights import insights
from api_gateway.narrative.narrative_input import NarrativeInput
from api_gateway.narrative.narrator import Narrator
from api_gateway.narrative.onset import find_onset
from api_gateway.narrative.service_context import Onset, ServiceContext
from api_gateway.storage.redis_cache import SharedCache
from api_gateway.summary.context import ServiceContexts
from api_gateway.summary.fleet import fleet_figures
from api_gateway.summary.heatmap import Cells, Row, cells, rows
from api_gateway.summary.schemas import ServiceSummary, Summary
from common.config.clock import MICROSECONDS, Clock, to_micros
from common.events import TargetSpec
from common.slo.freshness import UNTRUSTED
from common.slo.risk import level_at
from common.slo.streams import stream_of
from common.slo.windows import DAY
from common.storage.database import DATABASE_ERRORS, is_unavailable

HEATMAP_HOLD = timedelta(seconds=15)
"""A cell holds hours: it changes slowly, and reading all counts costs more than the rest."""

BURNING = 1.0
"""Above this burn rate, over 5 minutes or an hour, it is asked when the errors began."""


class Summaries:
    """The executive view of the services in use."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that has a part in it
        self,
        count_store: CountStore,
        cache: SharedCache,
        catalog: CatalogCache,
        contexts: ServiceContexts,
        narrator: Narrator,
        default: TargetSpec,
        clock: Clock,
        *,
        quotes: bool = False,
    ) -> None:
        self._count_store, self._cache = count_store, cache
        self._catalog, self._contexts = catalog, contexts
        self._narrator, self._default, self._clock = narrator, default, clock
        self._quotes = quotes

    async def close(self) -> None:
        """Cancel what is being phrased."""
        await self._narrator.close()

    async def fleet(self) -> CachedResponse:
        """Return the answer about all services."""
        now = self._clock()
        events, contexts = await self._contexts.events(now), await self._contexts.all(now)
        narrative = await self._narrator.narrate(fleet_input(contexts, now), now)
        figures = fleet_figures(contexts, events, now)
        answer = Summary.model_validate({**dict(narrative), **dict(figures)})
        return CachedResponse(answer.model_dump_json().encode())

    async def service(self, service: Service) -> CachedResponse:
        """Return the answer about one service."""
        now = self._clock()
        targets = (await self._catalog.in_use()).targets.get(service.name, ())
        context = await self._contexts.one(service, targets, now)
        context = replace(context, onset=await self._onset(context, now))
        quoted = {"description": service.description or ""} if self._quotes else {}
        given = NarrativeInput.of_service(context, now, quoted)
        answer = ServiceSummary(
            **dict(await self._narrator.narrate(given, now)),
            service_name=service.name,
            insights=insights(given.facts),
            risk_level=context.state.risk_level,
            data_status=context.state.data_status,
            figures_at=context.state.timestamp,
            snapshot_id=context.state.snapshot_id,
            decision_id=context.release.decision_id if context.release else None,
        )
        return CachedResponse(answer.model_dump_json().encode())

    async def heatmap(self, asked: Span, limit: int) -> CachedResponse:
        """Return the worst `limit` services by time."""
        now = self._clock()
        shown = cells(asked.since, asked.until, asked.step_seconds)
        in_use = await self._catalog.in_use()
        tiers = {service.name: service.tier for service in in_use.services}
        rates = await self._hourly_rates(in_use, shown)
        found = rows(shown, rates, [*tiers])
        # not through the model that describes it: ten thousand cells would take a tenth of a second
        answer = {
            "step_seconds": shown.step_seconds,
            "ends": [datetime.fromtimestamp(end, UTC) for end in shown.ends],
            "services": [_row(row, tiers[row.service_name]) for row in found[:limit]],
            "services_total": len(found),
            "capped": len(found) > limit,
            "generated_at": now,
        }
        return CachedResponse(msgspec.json.encode(answer), hold=HEATMAP_HOLD)

    async def _hourly_rates(self, in_use: InUse, shown: Cells) -> HourlyRates:
        """Return every service's burn rate by hour, shared by replicas that see the same."""
        ends = np.array(shown.hours(), dtype=np.int64)

        async def make() -> HourlyRates:
            async with self._count_store.read() as reader:
                return await read_hourly_rates(reader, ends, in_use.targets, self._default)

        targets = [target for own in in_use.targets.values() for target in own]
        seen = xxhash.xxh3_64_hexdigest(repr([(t.id, t.revision) for t in targets]).encode())
        key = f"hours:{ends[0]}:{ends[-1]}:{seen}"
        seconds = HEATMAP_HOLD.total_seconds()
        return await self._cache.shared(key, HourlyRates, seconds, make)

    async def _onset(self, context: ServiceContext, now: datetime) -> Onset | None:
        state = context.state
        if state.data_status in UNTRUSTED or max(state.burn_rate_5m, state.burn_rate_1h) < BURNING:
            return None
        slo, until = state.worst, to_micros(now) // MICROSECONDS
        query = CountQuery(
            stream=stream_of(context.name, slo.indicator),
            since=until - DAY,
            until=until,
            minutes_from=minutes_from(until),
            threshold_seconds=slo.threshold_seconds,
        )
        try:
            async with self._count_store.read() as reader:
                counts = await reader.counts(query)
        except DATABASE_ERRORS as error:
            if is_unavailable(error):
                return None  # nothing is said of it
            raise
        return find_onset(counts, slo.objective)


def _row(row: Row, tier: Tier) -> dict[str, object]:
    """Return a service's cells as `HeatmapRow` describes them."""
    found = [
        None
        if rate is None
        else {"burn_rate": rate, "burn_rate_least": least, "risk_level": level_at(rate)}
        for rate, least in zip(row.burn_rates, row.least, strict=True)
    ]
    worst = None if row.worst < 0 else row.worst
    name = row.service_name
    return {"service_name": name, "tier": tier, "worst_burn_rate": worst, "cells": found}
