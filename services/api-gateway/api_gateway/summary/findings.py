"""What the other services found out, in the form in which it is told."""

import math
import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from api_gateway.alerts.ports import AlertQuery, AlertStore
from api_gateway.catalog.domain import Service
from api_gateway.narrative.fleet_facts import CHANGES_HOURS
from api_gateway.narrative.subject import Change, OpenEpisode, Release
from api_gateway.projections.decisions import DecisionBook
from api_gateway.release.domain import Change as WantedChange
from api_gateway.release.domain import release_of
from api_gateway.release.ports import ChangeQuery, Results
from api_gateway.summary.subjects import ByService, Events, by_service

log = structlog.get_logger()

MOST_EVENTS = 2_000
_NEWEST = 2**63 - 1

_FEATURE = WantedChange("feature")


class GateFindings:
    """Releases, by the newest decisions."""

    def __init__(self, decisions: DecisionBook) -> None:
        self._decisions = decisions

    def release(self, service: Service, now: datetime) -> Release | None:
        """Return what holds for a feature change of no special version; None while undecided.

        An override counts if the gate's newest decision names it, which is at most a moment old.
        """
        decision = self._decisions.newest(service.name)
        if decision is None:
            return None
        named = {v.override_id for v in decision.verdicts if v.override_id is not None}
        found = release_of(decision, _FEATURE, service, named, now)
        if found is None:
            return None
        deciding = [r.code for r in found.reasons if r.effect == found.decision]
        return Release(found.decision, found.allowed, tuple(deciding), found.override_id)


class RecentEvents:
    """Changes of the last day and alerts that are open, read anew after a moment."""

    def __init__(self, results: Results, alerts: AlertStore, fresh_seconds: float) -> None:
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

    async def _changes(self, now: datetime) -> ByService[Change]:
        since = now - timedelta(hours=CHANGES_HOURS)
        query = ChangeQuery(None, since, now, None, MOST_EVENTS)
        async with self._results.read() as reader:
            stored = await reader.changes(query)
        events = [change.event for change in stored]
        return by_service(Change(e.service, e.kind, e.version, e.at) for e in events)

    async def _episodes(self) -> ByService[OpenEpisode]:
        query = AlertQuery(before=_NEWEST, limit=MOST_EVENTS, states=("firing", "acknowledged"))
        async with self._alerts.read() as reader:
            found = await reader.alerts(query)
        return by_service(
            OpenEpisode(
                id=alert.id,
                service_name=alert.service_name,
                rule=alert.rule,
                severity=alert.severity,
                acknowledged=alert.state == "acknowledged",
                started_at=alert.started_at,
            )
            for alert in found
        )
