"""What the gate has stored: decisions with their inputs, and changes. The tables are its own."""

import json
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Row, text

from api_gateway.release.domain import ChangeQuery, StoredChange, StoredDecision
from api_gateway.release.timeline import PastDecision
from api_gateway.storage.unit_of_work import Reader, ReadStore
from common.events import ChangeEvent, GateDecision

_decision = msgspec.json.Decoder(GateDecision)

_HISTORY = text(
    """SELECT decision::text AS decision, previous_until FROM gate.decision
    WHERE service = :service AND (CAST(:after AS text) IS NULL OR decision_id <= coalesce((
        SELECT min(decision_id) FROM gate.decision
        WHERE service = :service AND decision_id > :after), :after))
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
    """SELECT identity, service, at, kind, version, actor, url, note, source, event_id, appended_at,
        coalesce('key/' || (SELECT k.name FROM catalog.api_keys k
            WHERE sender = 'key/' || k.id), nullif(sender, '')) AS reported_by
    FROM gate.changes
    WHERE (CAST(:service_name AS text) IS NULL OR service = :service_name)
      AND at >= :since AND at <= :until
      AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))
      AND (CAST(:before_at AS timestamptz) IS NULL OR at < :before_at
        OR (at = :before_at AND identity > CAST(:before_identity AS bytea)))
    ORDER BY at DESC, identity LIMIT :limit"""
)


class ResultReader(Reader):
    """Reads of `gate.decision`, `gate.policy` and `gate.changes`."""

    async def decisions(
        self, service_name: str, after: str | None, limit: int
    ) -> list[PastDecision]:
        """Return decisions as they were first published, newest first.

        After the one with an id: that one too, and the next newer one, which says how it ended.
        """
        asked = {"service": service_name, "after": after, "limit": limit}
        rows = await self._session.execute(_HISTORY, asked)
        return [PastDecision(_decision.decode(row.decision), row.previous_until) for row in rows]

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
        asked = {**asdict(query), "before_at": at, "before_identity": identity}
        return [_change_of(row) for row in await self._session.execute(_CHANGES, asked)]


class ResultStore(ReadStore[ResultReader]):
    """Opens readers of the gate's tables."""

    reader = ResultReader


def _change_of(row: Row[Any]) -> StoredChange:
    # as it is stored: the gate has checked it
    event = ChangeEvent(**{name: getattr(row, name) for name in ChangeEvent.__struct_fields__})
    return StoredChange(row.identity, event, row.appended_at, row.reported_by)
