"""All SQL of the gate. Callers open sessions and commit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import text

from common.decisions.decision import Inputs
from common.events import ChangeEvent, GateDecision, encode
from common.ledger.store import FencedError
from common.policy.model import Policy
from common.storage.database import ReadSession, WriteSession
from gate.domain.records import DecisionRecord

_HELD = text("SELECT epoch FROM gate.shard WHERE shard = :shard FOR SHARE")
# Rows are inserted in one order, so that two shards that store the same policy or change wait for
# each other instead of deadlocking.
_STORE_POLICIES = text(
    """INSERT INTO gate.policy (hash, name, document, first_used_at)
    SELECT hash, name, CAST(document AS jsonb), at
    FROM unnest(CAST(:hashes AS text[]), CAST(:names AS text[]), CAST(:documents AS text[]),
        CAST(:instants AS timestamptz[])) AS x (hash, name, document, at)
    ON CONFLICT DO NOTHING"""
)
_STORE_DECISIONS = text(
    """INSERT INTO gate.decision
        (decision_id, service, shard, epoch, decided_at, policy_hash, decision, inputs,
        previous_until)
    SELECT id, name, :shard, :epoch, at, hash, CAST(decision AS jsonb), CAST(inputs AS jsonb), until
    FROM unnest(CAST(:ids AS text[]), CAST(:services AS text[]), CAST(:instants AS timestamptz[]),
        CAST(:hashes AS text[]), CAST(:decisions AS text[]), CAST(:inputs AS text[]),
        CAST(:untils AS timestamptz[]))
        AS x (id, name, at, hash, decision, inputs, until)"""
)
_STORE_STANDING = text(
    """INSERT INTO gate.standing (service, shard, epoch, decided_at, decision_id)
    SELECT name, :shard, :epoch, at, id
    FROM unnest(CAST(:services AS text[]), CAST(:instants AS timestamptz[]), CAST(:ids AS text[]))
        AS x (name, at, id)
    ON CONFLICT (service) DO UPDATE SET shard = excluded.shard, epoch = excluded.epoch,
        decided_at = excluded.decided_at, decision_id = excluded.decision_id"""
)
_LOAD_DECISIONS = text(
    """SELECT CAST(d.decision AS text) FROM gate.decision d
    JOIN gate.standing s ON s.decision_id = d.decision_id WHERE s.shard = :shard"""
)
_STORE_PUBLISHED = text(
    """UPDATE gate.shard AS s SET published_at = x.at
    FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[]),
        CAST(:instants AS timestamptz[])) AS x (shard, epoch, at)
    WHERE s.shard = x.shard AND s.epoch = x.epoch"""
)
_LOAD_PUBLISHED = text("SELECT published_at FROM gate.shard WHERE shard = :shard")
_LOAD_RECORD = text(
    """SELECT CAST(d.decision AS text) AS decision, CAST(d.inputs AS text) AS inputs,
        CAST(p.document AS text) AS policy, d.previous_until
    FROM gate.decision d JOIN gate.policy p ON p.hash = d.policy_hash
    WHERE d.decision_id = :decision_id"""
)
_STORE_CHANGES = text(
    """INSERT INTO gate.changes (identity, at, appended_at, sender,
        service, kind, version, actor, url, note, source, event_id)
    SELECT * FROM unnest(CAST(:identities AS bytea[]), CAST(:instants AS timestamptz[]),
        CAST(:appended AS timestamptz[]), CAST(:senders AS text[]),
        CAST(:service AS text[]), CAST(:kind AS text[]),
        CAST(:version AS text[]), CAST(:actor AS text[]), CAST(:url AS text[]),
        CAST(:note AS text[]), CAST(:source AS text[]), CAST(:event_id AS text[]))
    ON CONFLICT DO NOTHING"""
)
_PURGE_DECISIONS = text(
    """DELETE FROM gate.decision d WHERE d.decided_at < :before
        AND NOT EXISTS (SELECT FROM gate.standing s WHERE s.decision_id = d.decision_id)"""
)
_PURGE_CHANGES = text("DELETE FROM gate.changes WHERE at < :before")
_decision = msgspec.json.Decoder(GateDecision)
_inputs = msgspec.json.Decoder(Inputs)


@dataclass(frozen=True, slots=True)
class IdentifiedChange:
    """A change event with its identity: repeats of it are one row.

    `sender` is the credential that ingest took it from; empty where none is known.
    """

    identity: bytes
    event: ChangeEvent
    appended_at: datetime
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A heartbeat: every decision of the shard was confirmed at that instant."""

    shard: int
    epoch: int
    at: datetime


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
    keys = {
        "shard": shard,
        "epoch": epoch,
        "ids": [d.decision_id for d in found],
        "services": [d.service_name for d in found],
        "instants": [d.decided_at for d in found],
    }
    documents = {
        "hashes": [d.policy_hash for d in found],
        "decisions": [encode(d).decode() for d in found],
        "inputs": [msgspec.json.encode(record.inputs).decode() for record in records],
        "untils": [record.previous_until for record in records],
    }
    await session.execute(_STORE_DECISIONS, keys | documents)
    await session.execute(_STORE_STANDING, keys)


async def _store_policies(session: WriteSession, records: Sequence[DecisionRecord]) -> None:
    by_hash = {record.policy.policy_hash: record for record in records}
    used = [by_hash[name] for name in sorted(by_hash)]
    await session.execute(
        _STORE_POLICIES,
        {
            "hashes": sorted(by_hash),
            "names": [record.policy.name for record in used],
            "documents": [json.dumps(record.policy.document) for record in used],
            "instants": [record.inputs.now for record in used],
        },
    )


async def load_decisions(session: ReadSession, shard: int) -> list[GateDecision]:
    """Return the newest decision on each service of a shard."""
    rows = await session.execute(_LOAD_DECISIONS, {"shard": shard})
    return [_decision.decode(row) for (row,) in rows]


async def store_published(session: WriteSession, beaten: Sequence[Published]) -> None:
    """Store when heartbeats were published; not where another has taken the shard since."""
    columns = {
        "shards": [one.shard for one in beaten],
        "epochs": [one.epoch for one in beaten],
        "instants": [one.at for one in beaten],
    }
    await session.execute(_STORE_PUBLISHED, columns)


async def load_published(session: ReadSession, shard: int) -> datetime | None:
    """Return when the last heartbeat of a shard was published; None where that is not known."""
    at: datetime | None = await session.scalar(_LOAD_PUBLISHED, {"shard": shard})
    return at


async def load_record(session: ReadSession, decision_id: str) -> DecisionRecord | None:
    """Return a decision with its inputs and policy; None where there is none with that id."""
    rows = await session.execute(_LOAD_RECORD, {"decision_id": decision_id})
    row = rows.one_or_none()
    if row is None:
        return None
    policy = Policy.model_validate_json(row.policy)
    decision, inputs = _decision.decode(row.decision), _inputs.decode(row.inputs)
    return DecisionRecord(decision, inputs, policy, row.previous_until)


async def store_changes(session: WriteSession, found: Sequence[IdentifiedChange]) -> None:
    """Store changes; of those with one identity the first stays."""
    if not found:
        return
    ordered = sorted(found, key=lambda change: change.identity)
    events = [change.event for change in ordered]
    texts = ("service", "kind", "version", "actor", "url", "note", "source", "event_id")
    await session.execute(
        _STORE_CHANGES,
        {
            "identities": [change.identity for change in ordered],
            "instants": [event.at for event in events],
            "appended": [change.appended_at for change in ordered],
            "senders": [change.sender for change in ordered],
            **{name: [getattr(event, name) for event in events] for name in texts},
        },
    )


async def purge(session: WriteSession, before: datetime) -> None:
    """Delete decisions and changes of before that instant, except decisions that still stand."""
    await session.execute(_PURGE_DECISIONS, {"before": before})
    await session.execute(_PURGE_CHANGES, {"before": before})
