"""Loosenings in PostgreSQL. A write, its event and its audit are one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT

from api_gateway.loosening.edit import Document
from api_gateway.storage.rows import table
from api_gateway.storage.unit_of_work import NEXT_REVISION, Reader, StateStore, StateWriter
from common.events import LooseningChanged
from common.kafka.topics import POLICIES
from common.policy.model import Tier


class Loosening(LooseningChanged, frozen=True, kw_only=True, tag=False):
    """A stored loosening. `before` and `after` are the object as data; None: there was none."""

    before: Document | None
    after: Document | None
    credential: str
    approver: str | None
    approved_on_behalf_of: str | None
    ended_by: str | None
    ended_on_behalf_of: str | None
    ended_at: datetime | None
    end_reason: str | None


loosenings = table(
    Loosening,
    "loosenings",
    loosened=JSONB(),
    before=JSONB(none_as_null=True),
    after=JSONB(none_as_null=True),
    services=ARRAY(TEXT()),
)
_TIERS = text(
    """SELECT name, tier FROM catalog.services WHERE retired_at IS NULL
    AND (cardinality(CAST(:names AS text[])) = 0 OR name = ANY(CAST(:names AS text[])))"""
)


@dataclass(frozen=True, slots=True)
class LooseningQuery:
    """Loosenings with smaller ids than `before`; None: of every service, in every state."""

    before: int
    limit: int
    service_name: str | None = None
    state: str | None = None


def loosening_key(loosening_id: int) -> str:
    """Return the policies topic's key of a loosening."""
    return f"loosening/{loosening_id}"


class LooseningReader(Reader):
    """Reads loosenings, also those that have ended."""

    async def loosening(self, loosening_id: int) -> Loosening | None:
        """Return one loosening."""
        return await self._one(Loosening, select(loosenings).where(loosenings.c.id == loosening_id))

    async def loosenings(self, query: LooseningQuery) -> list[Loosening]:
        """Return loosenings, newest first."""
        statement = select(loosenings).where(loosenings.c.id < query.before)
        if query.service_name is not None:
            own = loosenings.c.services.contains([query.service_name])
            everywhere = loosenings.c.services == literal([], ARRAY(TEXT()))
            statement = statement.where(or_(own, everywhere))
        if query.state is not None:
            statement = statement.where(loosenings.c.state == query.state)
        statement = statement.order_by(loosenings.c.id.desc()).limit(query.limit)
        return await self._all(Loosening, statement)

    async def standing_on(self, subject: str, now: datetime) -> list[Loosening]:
        """Return the loosenings of an object that are shown now."""
        statement = select(loosenings).where(
            loosenings.c.subject == subject,
            loosenings.c.state == "standing",
            loosenings.c.until > now,
        )
        return await self._all(Loosening, statement)

    async def tiers(self, names: tuple[str, ...]) -> dict[str, Tier]:
        """Return the tiers of services in use; without names of all."""
        rows = await self._session.execute(_TIERS, {"names": [*names]})
        return {row.name: row.tier for row in rows}


class LooseningWriter(StateWriter[Loosening], LooseningReader):
    """Writes and announces loosenings."""

    topic = POLICIES.name

    async def add(self, **columns: Any) -> Loosening:
        """Store a loosening."""
        statement = insert(loosenings).values(**_stored(columns))
        [added] = await self._changed(Loosening, statement, loosenings)
        return added

    async def change(self, loosening_id: int, **columns: Any) -> Loosening:
        """Store other values in these columns."""
        statement = update(loosenings).where(loosenings.c.id == loosening_id)
        statement = statement.values(**_stored(columns), revision=NEXT_REVISION)
        [changed] = await self._changed(Loosening, statement, loosenings)
        return changed

    async def topic_state(self, now: datetime) -> list[Loosening]:
        """Return what the gate has to know: loosenings that are still to be shown."""
        statement = select(loosenings).where(loosenings.c.until > now).order_by(loosenings.c.id)
        return await self._all(Loosening, statement)

    def event(self, entry: Loosening) -> tuple[str, LooseningChanged]:
        """Return the key and the event of a loosening."""
        changed = msgspec.convert(entry, LooseningChanged, from_attributes=True)
        return loosening_key(entry.id), changed


class LooseningStore(StateStore[LooseningReader, LooseningWriter]):
    """Opens readers and writers of loosenings."""

    reader, writer = LooseningReader, LooseningWriter


def _stored(columns: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(columns, builtin_types=(datetime,))
    return found
