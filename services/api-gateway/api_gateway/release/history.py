"""Reads what the gate answered on a service, page by page."""

from dataclasses import dataclass
from datetime import datetime

from api_gateway.catalog.domain import Service
from api_gateway.policy.repository import PolicyStore
from api_gateway.projections.decisions import DecisionBook
from api_gateway.release.domain import ProposedChange
from api_gateway.release.repository import ResultStore
from api_gateway.release.timeline import Answered, Asked, PastDecision, answered


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: answers before `before`, the decision behind the last one shown."""

    before: datetime
    decision_id: str


class ReleaseHistory:
    """Puts together what the gate has stored, and what became of the overrides that it names."""

    def __init__(self, results: ResultStore, overrides: PolicyStore, book: DecisionBook) -> None:
        self._results, self._overrides, self._book = results, overrides, book

    async def answers(
        self,
        service: Service,
        change: ProposedChange,
        after: Place | None,
        limit: int,
        now: datetime,
    ) -> list[Answered]:
        """Return up to `limit` answers, newest first."""
        place = None if after is None else after.decision_id
        async with self._results.read() as reader:
            # the one at the place may have answers on both sides of it, the next newer one has none
            past = await reader.decisions(service.name, place, limit + 2)
        ids = {v.override_id for p in past for v in p.decision.verdicts if v.override_id}
        async with self._overrides.read() as reader:
            rows = await reader.overrides_of(ids) if ids else {}
        asked = Asked(service, change, now, self._known_until(past))
        found = answered(past, rows, asked)
        return [a for a in found if after is None or a.since < after.before][:limit]

    def _known_until(self, past: list[PastDecision]) -> datetime | None:
        """Return when the newest decision on a service expires; None for one that is not it."""
        if not past:
            return None
        newest = self._book.newest(past[0].decision.service_name)
        if newest is None or newest.decision_id != past[0].decision.decision_id:
            return None
        return newest.expires_at
