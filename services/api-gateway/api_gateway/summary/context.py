"""Collects everything known about a service, for narratives and summaries."""

import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from api_gateway.alerts.domain import AlertQuery
from api_gateway.alerts.repository import AlertStore
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.domain import Service, Target
from api_gateway.narrative.fleet_facts import CHANGES_HOURS
from api_gateway.narrative.service_context import OpenEpisode, ServiceContext
from api_gateway.projections.handlers import Projections
from api_gateway.release.domain import ChangeQuery, feature_release
from api_gateway.release.repository import ResultStore
from common.events import ChangeEvent

log = structlog.get_logger()

Happened = TypeVar("Happened")

MOST_EVENTS = 2_000
_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Events:
    """What happened, by service: changes of the last day, and alerts that are open."""

    changes: Mapping[str, Sequence[ChangeEvent]] = field(default_factory=dict)
    episodes: Mapping[str, Sequence[OpenEpisode]] = field(default_factory=dict)


ReadEvents = Callable[[datetime], Awaitable[Events]]


class RecentEvents:
    """Changes of the last day and alerts that are open, read anew after a moment."""

    def __init__(self, results: ResultStore, alerts: AlertStore, fresh_seconds: float) -> None:
        self._results, self._alerts, self._fresh_seconds = results, alerts, fresh_seconds
        self._known = Events()
        self._read_at = -math.inf

    async def events(self, now: datetime) -> Events:
        """Return them; without the database those that were known before."""
        if time.monotonic() - self._read_at >= self._fresh_seconds:
            try:
                self._known = Events(await self._changes(now), await self._episodes())
            except (DBAPIError, OSError) as error:
                log.warning("events_unreadable", error=repr(error))
            self._read_at = time.monotonic()
        return self._known

    async def _changes(self, now: datetime) -> dict[str, list[ChangeEvent]]:
        since = now - timedelta(hours=CHANGES_HOURS)
        query = ChangeQuery(None, since, now, None, MOST_EVENTS)
        async with self._results.read() as reader:
            stored = await reader.changes(query)
        return _grouped((change.event.service, change.event) for change in stored)

    async def _episodes(self) -> dict[str, list[OpenEpisode]]:
        query = AlertQuery(before=_NEWEST, limit=MOST_EVENTS, states=("firing", "acknowledged"))
        async with self._alerts.read() as reader:
            found = await reader.alerts(query)
        return _grouped(
            (
                alert.service_name,
                OpenEpisode(alert.severity, alert.state == "acknowledged", alert.started_at),
            )
            for alert in found
        )


def _grouped(found: Iterable[tuple[str, Happened]]) -> dict[str, list[Happened]]:
    """Group what happened by service."""
    grouped: dict[str, list[Happened]] = defaultdict(list)
    for service_name, one in found:
        grouped[service_name].append(one)
    return grouped


class ServiceContexts:
    """Collects what is known of the services in use, but for when their errors began."""

    def __init__(
        self,
        catalog: CatalogCache,
        projections: Projections,
        events: ReadEvents,
    ) -> None:
        self._catalog, self._projections, self._events = catalog, projections, events

    async def all(self, now: datetime) -> list[ServiceContext]:
        """Return every service in use, by name."""
        in_use, events = await self._catalog.in_use(), await self._events(now)
        return [
            self._context(service, in_use.targets[service.name], events, now)
            for service in in_use.services
        ]

    async def one(
        self, service: Service, targets: Sequence[Target], now: datetime
    ) -> ServiceContext:
        """Return one service."""
        return self._context(service, targets, await self._events(now), now)

    def _context(
        self, service: Service, targets: Sequence[Target], events: Events, now: datetime
    ) -> ServiceContext:
        name, known = service.name, self._projections
        return ServiceContext(
            state=known.snapshots.state(name, targets, now),
            tier=service.tier,
            forecast=known.forecasts.newest(name),
            release=feature_release(known.decisions.newest(name), service, now),
            episodes=events.episodes.get(name, ()),
            changes=events.changes.get(name, ()),
        )
