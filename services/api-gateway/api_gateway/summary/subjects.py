"""Puts together what all parts know of a service, for those who tell of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.domain import Service, Target
from api_gateway.narrative.subject import Change, OpenEpisode, Release, ServiceContext
from api_gateway.projections.snapshots import ReadModel
from common.events import ServiceForecast

Happened = TypeVar("Happened", Change, OpenEpisode)
ByService = Mapping[str, Sequence[Happened]]


@dataclass(frozen=True, slots=True)
class Events:
    """What happened, by service: changes of the last day, and alerts that are open."""

    changes: ByService[Change] = field(default_factory=dict)
    episodes: ByService[OpenEpisode] = field(default_factory=dict)


def by_service(found: Iterable[Happened]) -> ByService[Happened]:
    """Return what happened by the service that it happened to."""
    grouped: dict[str, list[Happened]] = {}
    for one in found:
        grouped.setdefault(one.service_name, []).append(one)
    return grouped


def _nothing(_: str) -> None:
    return None


def _no_release(_: Service, __: datetime) -> Release | None:
    return None


async def _no_events(_: datetime) -> Events:
    return Events()


@dataclass(frozen=True, slots=True)
class ServiceInsights:
    """Where the results of other services are found; what is not wired tells nothing."""

    forecast: Callable[[str], ServiceForecast | None] = _nothing
    release: Callable[[Service, datetime], Release | None] = _no_release
    events: Callable[[datetime], Awaitable[Events]] = _no_events


class Subjects:
    """Makes subjects of services in use."""

    def __init__(
        self, roster: CatalogCache, read_model: ReadModel, findings: ServiceInsights
    ) -> None:
        self._roster, self._read_model, self._findings = roster, read_model, findings

    async def all(self, now: datetime) -> list[ServiceContext]:
        """Return every service in use, by name."""
        in_use, events = await self._roster.in_use(), await self._findings.events(now)
        return [
            self._subject(service, in_use.targets[service.name], events, now)
            for service in in_use.services
        ]

    async def one(
        self, service: Service, targets: Sequence[Target], now: datetime
    ) -> ServiceContext:
        """Return one service; its onset is for who asks to find."""
        return self._subject(service, targets, await self._findings.events(now), now)

    def _subject(
        self, service: Service, targets: Sequence[Target], events: Events, now: datetime
    ) -> ServiceContext:
        return ServiceContext(
            state=self._read_model.state(service.name, targets, now),
            tier=service.tier,
            forecast=self._findings.forecast(service.name),
            release=self._findings.release(service, now),
            episodes=events.episodes.get(service.name, ()),
            changes=events.changes.get(service.name, ()),
        )
