"""Collects everything known about a service, for narratives and summaries."""

import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from api_gateway.alerts.domain import AlertQuery, Confirmation
from api_gateway.alerts.service import AlertService
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.domain import Service, Target
from api_gateway.narrative.fleet_facts import CHANGES_HOURS
from api_gateway.narrative.service_context import OpenEpisode, ServiceContext
from api_gateway.projections.handlers import Projections
from api_gateway.release.domain import ChangeQuery, feature_release
from api_gateway.release.repository import ResultStore
from common.events import CHANGING_KINDS, ChangeEvent
from common.storage.database import DATABASE_ERRORS

log = structlog.get_logger()

Happened = TypeVar("Happened")

MOST_EVENTS = 2_000
_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Events:
    """What happened, by service: changes of the last day, and alerts that are open.

    `alerts` says whether these are of now; the changes are those of `changes_at`, None: never read.
    """

    alerts: Confirmation
    changes_at: datetime | None = None
    changes: Mapping[str, Sequence[ChangeEvent]] = field(default_factory=dict)
    episodes: Mapping[str, Sequence[OpenEpisode]] = field(default_factory=dict)


ReadEvents = Callable[[datetime], Awaitable[Events]]


class RecentEvents:
    """Changes of the last day and alerts that are open, read anew after a moment."""

    def __init__(self, results: ResultStore, alerts: AlertService, fresh_seconds: float) -> None:
        self._results, self._alerts, self._fresh_seconds = results, alerts, fresh_seconds
        self._known = Events(Confirmation("lagging", None))
        self._lived_at: datetime | None = None
        self._read_at = -math.inf

    async def events(self, now: datetime) -> Events:
        """Return them; without the database those that were known before, with their age."""
        if time.monotonic() - self._read_at >= self._fresh_seconds:
            try:
                await self._read(now)
            except DATABASE_ERRORS as error:
                log.warning("events_unreadable", error=repr(error))
            self._read_at = time.monotonic()
        return replace(self._known, alerts=self._alerts.confirmation(self._lived_at, now))

    async def _read(self, now: datetime) -> None:
        lived_at = await self._alerts.lived_at()
        changes, episodes = await self._changes(now), await self._episodes()
        self._known = replace(self._known, changes_at=now, changes=changes, episodes=episodes)
        self._lived_at = lived_at

    async def _changes(self, now: datetime) -> dict[str, list[ChangeEvent]]:
        since = now - timedelta(hours=CHANGES_HOURS)
        query = ChangeQuery(None, since, now, None, MOST_EVENTS, CHANGING_KINDS)
        async with self._results.read() as reader:
            stored = await reader.changes(query)
        return _grouped((change.event.service, change.event) for change in stored)

    async def _episodes(self) -> dict[str, list[OpenEpisode]]:
        query = AlertQuery(before=_NEWEST, limit=MOST_EVENTS, states=("firing", "acknowledged"))
        found = await self._alerts.alerts(query)
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
    """Collects what is known of the services in use, but for when their errors began.

    Of alerts that are not of now nothing is known.
    """

    def __init__(
        self,
        catalog: CatalogCache,
        projections: Projections,
        events: ReadEvents,
    ) -> None:
        self._catalog, self._projections, self.events = catalog, projections, events

    async def all(self, now: datetime) -> list[ServiceContext]:
        """Return every service in use, by name."""
        in_use, events = await self._catalog.in_use(), await self.events(now)
        return [
            self._context(service, in_use.targets[service.name], events, now)
            for service in in_use.services
        ]

    async def one(
        self, service: Service, targets: Sequence[Target], now: datetime
    ) -> ServiceContext:
        """Return one service."""
        return self._context(service, targets, await self.events(now), now)

    def _context(
        self, service: Service, targets: Sequence[Target], events: Events, now: datetime
    ) -> ServiceContext:
        name, known = service.name, self._projections
        overrides = known.overrides.in_force(name, now)
        release = feature_release(known.decisions.newest(name), service, overrides, now)
        return ServiceContext(
            state=known.snapshots.state(name, targets, now),
            tier=service.tier,
            forecast=known.forecasts.newest(name),
            release=release,
            override=overrides.get(release.override_id or 0) if release else None,
            episodes=events.episodes.get(name, ()) if events.alerts.status == "ok" else (),
            changes=events.changes.get(name, ()),
        )
