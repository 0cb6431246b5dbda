"""Puts together what all parts know of a service, for those who tell of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from api_gateway.domain import Service, Target
from api_gateway.narrative.subject import Change, OpenEpisode, Release, Subject
from api_gateway.read_model import ReadModel
from api_gateway.roster import Roster
from common.events import ServiceForecast


def _nothing(_: str) -> None:
    return None


def _no_release(_: Service, __: datetime) -> Release | None:
    return None


def _no_episodes(_: str) -> Sequence[OpenEpisode]:
    return ()


async def _no_changes(_: datetime) -> Sequence[Change]:
    return ()


@dataclass(frozen=True, slots=True)
class Findings:
    """Where the results of other services are found, by service; what is not wired tells nothing.

    `changes` are all that took effect in the last day.
    """

    forecast: Callable[[str], ServiceForecast | None] = _nothing
    release: Callable[[Service, datetime], Release | None] = _no_release
    episodes: Callable[[str], Sequence[OpenEpisode]] = _no_episodes
    changes: Callable[[datetime], Awaitable[Sequence[Change]]] = _no_changes


class Subjects:
    """Makes subjects of services in use."""

    def __init__(self, roster: Roster, read_model: ReadModel, findings: Findings) -> None:
        self._roster, self._read_model, self._findings = roster, read_model, findings

    async def all(self, now: datetime) -> list[Subject]:
        """Return every service in use, by name."""
        in_use = await self._roster.in_use()
        changed: dict[str, list[Change]] = {}
        for change in await self._findings.changes(now):
            changed.setdefault(change.service_name, []).append(change)
        return [
            self._subject(service, in_use.targets[service.name], changed.get(service.name, ()), now)
            for service in in_use.services
        ]

    async def one(self, service: Service, targets: Sequence[Target], now: datetime) -> Subject:
        """Return one service; its onset is for who asks to find."""
        changes = [c for c in await self._findings.changes(now) if c.service_name == service.name]
        return self._subject(service, targets, changes, now)

    def _subject(
        self,
        service: Service,
        targets: Sequence[Target],
        changes: Sequence[Change],
        now: datetime,
    ) -> Subject:
        return Subject(
            state=self._read_model.state(service.name, targets, now),
            tier=service.tier,
            forecast=self._findings.forecast(service.name),
            release=self._findings.release(service, now),
            episodes=self._findings.episodes(service.name),
            changes=changes,
        )
