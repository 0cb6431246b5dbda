"""What the other services found out, in the form in which it is told."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from api_gateway.decisions import DecisionBook
from api_gateway.domain import Service
from api_gateway.narrative.fleet_facts import CHANGES_HOURS
from api_gateway.narrative.subject import Change, Release
from api_gateway.release import Change as WantedChange
from api_gateway.release import release_of
from api_gateway.result_ports import ChangeQuery, Results

log = structlog.get_logger()

MOST_CHANGES = 2_000
CHANGES_FRESH_SECONDS = 10.0

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


class RecentChanges:
    """The changes of the last day, read anew after a while."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._known: Sequence[Change] = ()
        self._read_at = -CHANGES_FRESH_SECONDS

    async def since_yesterday(self, now: datetime) -> Sequence[Change]:
        """Return them; without the database those that were known before."""
        if time.monotonic() - self._read_at >= CHANGES_FRESH_SECONDS:
            try:
                self._known = await self._read(now)
            except (DBAPIError, OSError) as error:
                log.warning("changes_unreadable", error=repr(error))
            self._read_at = time.monotonic()
        return self._known

    async def _read(self, now: datetime) -> list[Change]:
        since = now - timedelta(hours=CHANGES_HOURS)
        query = ChangeQuery(None, since, now, None, MOST_CHANGES)
        async with self._results.read() as reader:
            stored = await reader.changes(query)
        events = [change.event for change in stored]
        return [Change(e.service, e.kind, e.version, e.at) for e in events]
