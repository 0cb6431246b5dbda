"""All SQL of the gate. Sessions come from outside; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Text, cast, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from common.events import GateDecision, encode
from common.ledger.store import FencedError
from common.policy.model import Policy
from common.storage.database import ReadSession, WriteSession
from gate.changes import Change
from gate.domain.decision import Inputs
from gate.domain.records import DecisionRecord
from gate.storage.tables import changes, decision, policy, standing

_HELD = text("SELECT epoch FROM gate.shard WHERE shard = :shard FOR SHARE")
_STORE_DECISIONS = text(
    """INSERT INTO gate.decision
        (decision_id, service, shard, epoch, decided_at, policy_hash, decision, inputs)
    SELECT id, name, :shard, :epoch, at, hash, CAST(decision AS jsonb), CAST(inputs AS jsonb)
    FROM unnest(CAST(:ids AS text[]), CAST(:services AS text[]), CAST(:instants AS timestamptz[]),
        CAST(:hashes AS text[]), CAST(:decisions AS text[]), CAST(:inputs AS text[]))
        AS x (id, name, at, hash, decision, inputs)"""
)
_STORE_CHANGES = text(
    """INSERT INTO gate.changes (identity, at, appended_at,
        service, kind, version, actor, url, note, source, event_id)
    SELECT * FROM unnest(CAST(:identities AS bytea[]), CAST(:instants AS timestamptz[]),
        CAST(:appended AS timestamptz[]), CAST(:service AS text[]), CAST(:kind AS text[]),
        CAST(:version AS text[]), CAST(:actor AS text[]), CAST(:url AS text[]),
        CAST(:note AS text[]), CAST(:source AS text[]), CAST(:event_id AS text[]))
    ON CONFLICT DO NOTHING"""
)
_decision = msgspec.json.Decoder(GateDecision)
_inputs = msgspec.json.Decoder(Inputs)


async def store_decisions(
    session: WriteSession, shard: int, epoch: int, records: Sequence[DecisionRecord]
) -> None:
    """Store decisions of a shard, one for each service; raise FencedError if it is not held.

    The shard's row is locked against another owner until the end of the transaction.
    """
    held = (await session.execute(_HELD, {"shard": shard})).scalar_one_or_none()
    if held != epoch:
        raise FencedError(f"shard {shard}: stored epoch {held}, held epoch {epoch}")
    await _store_policies(session, records)
    found = [record.decision for record in records]
    await session.execute(
        _STORE_DECISIONS,
        {
            "shard": shard,
            "epoch": epoch,
            "ids": [d.decision_id for d in found],
            "services": [d.service_name for d in found],
            "instants": [d.decided_at for d in found],
            "hashes": [d.policy_hash for d in found],
            "decisions": [encode(d).decode() for d in found],
            "inputs": [msgspec.json.encode(record.inputs).decode() for record in records],
        },
    )
    await _store_standing(session, found)


async def _store_policies(session: WriteSession, records: Sequence[DecisionRecord]) -> None:
    used = {record.policy.policy_hash: record for record in records}
    statement = insert(policy).values(
        [
            {
                "hash": name,
                "name": used[name].policy.name,
                "document": used[name].policy.document,
                "first_used_at": used[name].inputs.now,
            }
            for name in sorted(used)  # two shards that store the same ones wait in one order
        ]
    )
    await session.execute(statement.on_conflict_do_nothing())


async def _store_standing(session: WriteSession, decisions: Sequence[GateDecision]) -> None:
    statement = insert(standing).values(
        [
            {
                "service": d.service_name,
                "shard": d.shard,
                "epoch": d.epoch,
                "decided_at": d.decided_at,
                "decision_id": d.decision_id,
            }
            for d in decisions
        ]
    )
    new = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["service"],
            set_={name: new[name] for name in ("shard", "epoch", "decided_at", "decision_id")},
        )
    )


async def load_decisions(session: ReadSession, shard: int) -> list[GateDecision]:
    """Return the newest decision on each service of a shard."""
    rows = await session.execute(
        select(cast(decision.c.decision, Text))
        .join(standing, standing.c.decision_id == decision.c.decision_id)
        .where(standing.c.shard == shard)
    )
    return [_decision.decode(row) for (row,) in rows]


async def load_record(session: ReadSession, decision_id: str) -> DecisionRecord | None:
    """Return a decision with what it was made of; None where there is none of that name."""
    rows = await session.execute(
        select(
            cast(decision.c.decision, Text),
            cast(decision.c.inputs, Text),
            cast(policy.c.document, Text),
        )
        .join(policy, policy.c.hash == decision.c.policy_hash)
        .where(decision.c.decision_id == decision_id)
    )
    row = rows.one_or_none()
    if row is None:
        return None
    decided, inputs, document = row
    return DecisionRecord(
        _decision.decode(decided), _inputs.decode(inputs), Policy.model_validate_json(document)
    )


async def store_changes(session: WriteSession, found: Sequence[Change]) -> None:
    """Store changes; of those with one identity the first stays, whoever came before."""
    if not found:
        return
    # sorted, so that two shards that store the same ones wait in one order
    ordered = sorted(found, key=lambda change: change.identity)
    events = [change.event for change in ordered]
    texts = ("service", "kind", "version", "actor", "url", "note", "source", "event_id")
    await session.execute(
        _STORE_CHANGES,
        {
            "identities": [change.identity for change in ordered],
            "instants": [event.at for event in events],
            "appended": [change.appended_at for change in ordered],
            **{name: [getattr(event, name) for event in events] for name in texts},
        },
    )


async def purge(session: WriteSession, before: datetime) -> None:
    """Delete decisions and changes of before that instant, except what still stands."""
    stands = select(standing.c.decision_id).where(standing.c.decision_id == decision.c.decision_id)
    await session.execute(delete(decision).where(decision.c.decided_at < before, ~stands.exists()))
    await session.execute(delete(changes).where(changes.c.at < before))
