"""Loosenings as they are reviewed: kept while they wait, approved, undone."""

from dataclasses import replace
from datetime import datetime

from api_gateway.http.problems import existing, invalid
from api_gateway.http.second_person import check_another, check_somebody_s
from api_gateway.loosening.edit import Edit, Terms
from api_gateway.loosening.guard import end, record
from api_gateway.loosening.repository import (
    Loosening,
    LooseningQuery,
    LooseningReader,
    LooseningStore,
)
from api_gateway.loosening.schemas import is_undoable
from api_gateway.reviews.rewriting import Rewriter
from common.access.principal import current_actor, current_principal
from common.access.scopes import permits
from common.http.problems import Problem


class LooseningService:
    """Reads loosenings, keeps those that wait, puts approved ones in force, and undoes others."""

    def __init__(self, store: LooseningStore, rewriter: Rewriter) -> None:
        self._store, self._rewriter = store, rewriter

    async def all(self, query: LooseningQuery) -> list[Loosening]:
        """Return loosenings, newest first."""
        async with self._store.read() as reader:
            return await reader.loosenings(query)

    async def one(self, loosening_id: int) -> Loosening:
        """Return a loosening; 404."""
        async with self._store.read() as reader:
            return await _existing(reader, loosening_id)

    async def hold(self, edit: Edit, terms: Terms, now: datetime) -> Loosening:
        """Store an edit that waits for another credential; it ends by itself after a day."""
        check_somebody_s()
        async with self._store.write() as writer:
            return await record(writer, edit, terms, "pending", now)

    async def approve(self, loosening_id: int, on_behalf_of: str, now: datetime) -> Loosening:
        """Put in force what waits; 404, and 409 for who asked for it or what has ended.

        The object must still be as it was when it was asked for.
        """
        pending = await self.one(loosening_id)
        if pending.state != "pending" or pending.until <= now:
            detail = f"loosening {loosening_id} is {pending.state}; only a pending one is approved"
            raise invalid("id", "not_pending", detail, 409)
        check_another(pending.credential, pending.actor)
        terms = Terms(
            pending.reason,
            on_behalf_of,
            approval_of=pending.id,
            approver=current_actor(),
        )
        await self._rewriter.put(pending.subject, pending.before, pending.after, terms, now)
        done = await self.one(loosening_id)
        if done.state == "standing":
            return done
        return await self._withdraw(loosening_id, terms, now)

    async def undo(self, loosening_id: int, by: Terms, now: datetime) -> Loosening:
        """Put back what was promised before, by a write as any other; the gate names it no more.

        One that waits is withdrawn. 404; 409 where it has ended or cannot be put back.
        """
        found = await self.one(loosening_id)
        if found.state not in {"pending", "standing"} or found.until <= now:
            detail = f"loosening {loosening_id} has ended; set what you want"
            raise invalid("id", "not_standing", detail, 409)
        principal = current_principal()
        scopes = frozenset() if principal is None else principal.scopes
        if found.subject.startswith("policy/") and not permits(scopes, "admin"):
            raise Problem(403, "missing_scope", "Policies are set with the scope `admin`.")
        if found.state == "pending":
            return await self._withdraw(loosening_id, by, now)
        if not is_undoable(found):
            detail = "a service that was deleted is declared again by POST /api/services"
            raise invalid("id", "cannot_be_undone", detail, 409)
        terms = replace(by, undo_of=loosening_id)
        await self._rewriter.put(found.subject, found.after, found.before, terms, now)
        return await self.one(loosening_id)

    async def _withdraw(self, loosening_id: int, by: Terms, now: datetime) -> Loosening:
        async with self._store.write() as writer:
            return await end(writer, loosening_id, "loosening.withdrawn", by, now)


async def _existing(reader: LooseningReader, loosening_id: int) -> Loosening:
    detail = f"There is no loosening {loosening_id}; GET /api/loosenings lists those there are."
    return existing(await reader.loosening(loosening_id), "unknown_loosening", detail)
