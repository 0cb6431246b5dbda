"""What the gate has stored: decisions with their inputs, and changes. The tables are its own."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from sqlalchemy import Row, text

from api_gateway.release.ports import (
    ChangeQuery,
    StoredChange,
    StoredDecision,
)
from common.events import ChangeEvent, GateDecision
from common.storage.database import Database, ReadSession

_decision = msgspec.json.Decoder(GateDecision)

_HISTORY = text(
    """SELECT decision::text AS decision FROM gate.decision
    WHERE service = :service AND (CAST(:before AS text) IS NULL OR decision_id < :before)
    ORDER BY decision_id DESC LIMIT :limit"""
)

_DECISION = text(
    """SELECT d.decision::text AS decision, d.inputs::text AS inputs,
        p.document::text AS document
    FROM gate.decision AS d JOIN gate.policy AS p ON p.hash = d.policy_hash
    WHERE d.decision_id = :decision_id"""
)

# newest first; those of one instant by identity, as the indexes have them
_CHANGES = text(
    """SELECT identity, service, at, kind, version, actor, url, note, source, event_id, appended_at
    FROM gate.changes
    WHERE (CAST(:service AS text) IS NULL OR service = :service)
      AND at >= :since AND at <= :until
      AND (CAST(:before_at AS timestamptz) IS NULL OR at < :before_at
        OR (at = :before_at AND identity > CAST(:before_identity AS bytea)))
    ORDER BY at DESC, identity LIMIT :limit"""
)


class PostgresResults:
    """Opens readers of the gate's tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator["ResultReads"]:
        """Give a reader."""
        async with self._database.read() as session:
            yield ResultReads(session)


class ResultReads:
    """Reads of `gate.decision`, `gate.policy` and `gate.changes`."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def decisions(
        self, service_name: str, before: str | None, limit: int
    ) -> list[GateDecision]:
        """Return decisions as they were first published, newest first."""
        asked = {"service": service_name, "before": before, "limit": limit}
        rows = await self._session.execute(_HISTORY, asked)
        return [_decision.decode(row.decision) for row in rows]

    async def decision(self, decision_id: str) -> StoredDecision | None:
        """Return one decision with what it was made of."""
        found = await self._session.execute(_DECISION, {"decision_id": decision_id})
        row = found.one_or_none()
        if row is None:
            return None
        return StoredDecision(
            _decision.decode(row.decision), json.loads(row.inputs), json.loads(row.document)
        )

    async def changes(self, query: ChangeQuery) -> list[StoredChange]:
        """Return changes, newest first."""
        at, identity = query.before or (None, None)
        asked = {
            "service": query.service_name,
            "since": query.since,
            "until": query.until,
            "before_at": at,
            "before_identity": identity,
            "limit": query.limit,
        }
        return [_change_of(row) for row in await self._session.execute(_CHANGES, asked)]


def _change_of(row: Row[tuple[object, ...]]) -> StoredChange:
    names = ("service", "at", "kind", "version", "actor", "url", "note", "source", "event_id")
    event = ChangeEvent(**{name: getattr(row, name) for name in names})
    return StoredChange(row.identity, event, row.appended_at)
