"""Makes the executive answers: reads what they need, and returns them as bytes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import xxhash

from api_gateway.burn.history import CountQuery, minutes_from
from api_gateway.burn.hourly import hourly_burn_rates
from api_gateway.burn.repository import CountStore
from api_gateway.catalog.cache import CatalogCache, InUse
from api_gateway.catalog.domain import Service, Tier
from api_gateway.http.response_cache import CachedResponse
from api_gateway.http.time_range import Span
from api_gateway.narrative.facts import known
from api_gateway.narrative.fleet_facts import known_fleet
from api_gateway.narrative.insights import insights
from api_gateway.narrative.narrative_input import NarrativeInput
from api_gateway.narrative.narrator import Narrator
from api_gateway.narrative.onset import MinuteCounts, find_onset
from api_gateway.narrative.schemas import InsightAnswer
from api_gateway.narrative.service_facts import worst_slo
from api_gateway.narrative.subject import Onset, ServiceContext
from api_gateway.narrative.template import shape_of
from api_gateway.storage.redis_cache import SharedCache
from api_gateway.summary.fleet import fleet_figures
from api_gateway.summary.heatmap import Cells, Row, cells, rows
from api_gateway.summary.schemas import ServiceSummary, Summary
from api_gateway.summary.subjects import Subjects
from common.config.clock import MICROSECONDS, Clock, to_micros
from common.events import TargetSpec
from common.slo.freshness import UNTRUSTED
from common.slo.risk import level_at
from common.slo.windows import DAY

HEATMAP_HOLD = timedelta(seconds=15)
"""A cell holds hours: it changes slowly, and reading all counts costs more than the rest."""

HourlyRates = dict[str, list[float | None]]

BURNING = 1.0
"""Above this burn rate, over 5 minutes or an hour, it is asked when the errors began."""


class Summaries:
    """The executive view of the services in use."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that has a part in it
        self,
        count_store: CountStore,
        cache: SharedCache,
        roster: CatalogCache,
        subjects: Subjects,
        narrator: Narrator,
        default: TargetSpec,
        clock: Clock,
        *,
        quotes: bool = False,
    ) -> None:
        self._count_store, self._cache = count_store, cache
        self._roster, self._subjects = roster, subjects
        self._narrator, self._default, self._clock = narrator, default, clock
        self._quotes = quotes

    async def close(self) -> None:
        """Give up what is being phrased."""
        await self._narrator.close()

    async def fleet(self) -> CachedResponse:
        """Return the answer about all services."""
        now = self._clock()
        subjects = await self._subjects.all(now)
        about = known_fleet(subjects, now)
        story = NarrativeInput("", "fleet", about.facts, about.actions, about.worst)
        told = await self._narrator.tell(story, now)
        figures = fleet_figures(subjects, now)
        answer = Summary.model_validate({**dict(told), **dict(figures)})
        return CachedResponse(answer.model_dump_json().encode())

    async def service(self, service: Service) -> CachedResponse:
        """Return the answer about one service."""
        now = self._clock()
        targets = (await self._roster.in_use()).targets.get(service.name, ())
        subject = await self._subjects.one(service, targets, now)
        subject = replace(subject, onset=await self._onset(subject, now))
        about = known(subject, now)
        quoted = {"description": service.description or ""} if self._quotes else {}
        shape = shape_of(subject.state)
        story = NarrativeInput(
            service.name, shape, about.facts, about.actions, quoted=quoted, waits=True
        )
        told = await self._narrator.tell(story, now)
        answer = ServiceSummary(
            **dict(told),
            service_name=service.name,
            insights=[InsightAnswer.of(insight) for insight in insights(about.facts)],
        )
        return CachedResponse(answer.model_dump_json().encode())

    async def heatmap(self, asked: Span, limit: int) -> CachedResponse:
        """Return the worst `limit` services by time."""
        now = self._clock()
        shown = cells(asked.since, asked.until, asked.step_seconds)
        in_use = await self._roster.in_use()
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
        targets = [target for found in in_use.targets.values() for target in found]
        ends = np.array(shown.hours(), dtype=np.int64)

        async def make() -> HourlyRates:
            async with self._count_store.read() as reader:
                counts = await reader.hourly_counts(ends)
                slow = await reader.hourly_slow(ends, targets)
            return hourly_burn_rates(counts, slow, in_use.targets, self._default)

        seen = xxhash.xxh3_64_hexdigest(repr([(t.id, t.revision) for t in targets]).encode())
        key = f"hours:{ends[0]}:{ends[-1]}:{seen}"
        seconds = HEATMAP_HOLD.total_seconds()
        return await self._cache.shared(key, HourlyRates, seconds, make)

    async def _onset(self, subject: ServiceContext, now: datetime) -> Onset | None:
        state = subject.state
        if state.data_status in UNTRUSTED or max(state.burn_rate_5m, state.burn_rate_1h) < BURNING:
            return None
        slo, until = worst_slo(state), to_micros(now) // MICROSECONDS
        query = CountQuery(
            service_name=subject.name,
            since=until - DAY,
            until=until,
            minutes_from=minutes_from(until),
            threshold_seconds=slo.threshold_seconds,
        )
        async with self._count_store.read() as reader:
            counts = await reader.counts(query)
        return find_onset(MinuteCounts(counts.ends, counts.total, counts.bad), slo.objective)


def _row(row: Row, tier: Tier) -> dict[str, object]:
    """Return a service's cells as `HeatmapRow` describes them."""
    found = [
        None if rate is None else {"burn_rate": rate, "risk_level": level_at(rate)}
        for rate in row.burn_rates
    ]
    worst = None if row.worst < 0 else row.worst
    name = row.service_name
    return {"service_name": name, "tier": tier, "worst_burn_rate": worst, "cells": found}
