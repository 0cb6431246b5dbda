"""Dead letters and ledger positions of all consumers, and the replays that users requested."""

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import text

from api_gateway.ingest_health.domain import (
    DeadLetterQuery,
    DeadLetterSum,
    OutboxBacklog,
    Redelivery,
    ShardPosition,
    StoredDeadLetter,
)
from api_gateway.storage.unit_of_work import Reader, Store, Writer
from common.access.principal import current_actor
from common.ledger.store import LedgerStore
from common.observability.logging import CORRELATION_HEADER
from common.storage.audit import AuditEvent
from common.storage.outbox import OutboxRecord

_COLUMNS = """id, recorded_at, code, field, detail, topic, partition, record_offset, appended_at,
    value, value_bytes, correlation_id"""
_DEAD_LETTERS = f"""(SELECT {_COLUMNS} FROM burnrate.dead_letter
    UNION ALL SELECT {_COLUMNS} FROM gate.dead_letter)"""  # noqa: S608 - a constant
_WITH_REPLAY = f"""SELECT l.*, r.replayed_at, r.replayed_by, r.replayed_on_behalf_of,
        r.corrected
    FROM {_DEAD_LETTERS} AS l LEFT JOIN catalog.dead_letter_replay AS r ON r.letter_id = l.id"""  # noqa: S608

_PAGE = text(
    f"""{_WITH_REPLAY}
    WHERE (CAST(:before_at AS timestamptz) IS NULL
            OR (l.recorded_at, l.id) < (:before_at, CAST(:before_id AS text)))
        AND (CAST(:code AS text) IS NULL OR l.code = :code)
        AND (CAST(:topic AS text) IS NULL OR l.topic = :topic)
    ORDER BY l.recorded_at DESC, l.id DESC LIMIT :limit"""
)
_ONE = text(f"{_WITH_REPLAY} WHERE l.id = :id")
_SUM_COLUMNS = "topic, code, sender, hour, records, newest_at, detail"
_SUMS = text(
    f"""SELECT {_SUM_COLUMNS} FROM burnrate.dead_letter_sum
    UNION ALL SELECT {_SUM_COLUMNS} FROM gate.dead_letter_sum
    ORDER BY hour DESC, records DESC, topic, code, sender LIMIT :limit"""  # noqa: S608 - a constant
)
_REPLAY = text(
    """INSERT INTO catalog.dead_letter_replay
        (letter_id, replayed_at, replayed_by, replayed_on_behalf_of, corrected)
    VALUES (:letter_id, :replayed_at, :replayed_by, :replayed_on_behalf_of, :corrected)"""
)
_POSITIONS = text(
    """SELECT 'burnrate' AS service, s.shard, o.topic, s.epoch, s.owner, o.next_offset,
        o.applied_through
    FROM burnrate.shard AS s JOIN burnrate.shard_offset AS o ON o.shard = s.shard
    UNION ALL SELECT 'gate', s.shard, o.topic, s.epoch, s.owner, o.next_offset, o.applied_through
    FROM gate.shard AS s JOIN gate.shard_offset AS o ON o.shard = s.shard"""
)
_OUTBOXES = text(
    """SELECT 'api-gateway' AS service, count(*) AS waiting, min(created_at) AS oldest_at
        FROM catalog.outbox
    UNION ALL SELECT 'burnrate', count(*), min(created_at) FROM burnrate.outbox
    UNION ALL SELECT 'gate', count(*), min(created_at) FROM gate.outbox
    UNION ALL SELECT 'alerts', count(*), min(created_at) FROM alerts.outbox"""
)


class IngestReader(Reader):
    """Reads dead letters, positions, and what waits to be announced."""

    async def dead_letters(self, query: DeadLetterQuery) -> list[StoredDeadLetter]:
        """Return dead letters, newest first."""
        at, dead_letter_id = query.before or (None, None)
        asked = {**asdict(query), "before_at": at, "before_id": dead_letter_id}
        return await self._all(StoredDeadLetter, _PAGE, asked)

    async def dead_letter(self, dead_letter_id: str) -> StoredDeadLetter | None:
        """Return one dead letter."""
        return await self._one(StoredDeadLetter, _ONE, {"id": dead_letter_id})

    async def dead_letter_sums(self, limit: int) -> list[DeadLetterSum]:
        """Return what was counted and not kept, newest hours first."""
        return await self._all(DeadLetterSum, _SUMS, {"limit": limit})

    async def positions(self) -> list[ShardPosition]:
        """Return every position that a ledger holds."""
        return await self._all(ShardPosition, _POSITIONS)

    async def outboxes(self) -> list[OutboxBacklog]:
        """Return the backlog of every outbox."""
        return await self._all(OutboxBacklog, _OUTBOXES)


class IngestWriter(Writer, IngestReader):
    """Sends dead letters again, and lets a consumer go on behind what it cannot decode."""

    async def skip(self, position: ShardPosition, next_offset: int, event: AuditEvent) -> bool:
        """Move a consumer on from a position and audit it; False where it stands there no more."""
        at, ledger = position, LedgerStore(position.service)
        moved = ledger.skip(self.unit.session, at.shard, at.topic, at.next_offset, next_offset)
        if not await moved:
            return False
        await self.record(event)
        return True

    async def replay(
        self, dead_letter: StoredDeadLetter, sent: Redelivery, event: AuditEvent, *, corrected: bool
    ) -> StoredDeadLetter:
        """Note the replay, audit it, and let the outbox send the record."""
        noted: dict[str, Any] = {
            "replayed_at": event.at,
            "replayed_by": current_actor(),
            "replayed_on_behalf_of": event.on_behalf_of,
            "corrected": corrected,
        }
        await self._session.execute(_REPLAY, {"letter_id": dead_letter.id, **noted})
        await self.record(event)
        await self.unit.outbox.add(self.unit.session, [_record(dead_letter, sent)])
        return replace(dead_letter, **noted)


class IngestStore(Store[IngestReader, IngestWriter]):
    """Opens readers and writers of what the consumers could not read, and of how far they are."""

    reader, writer = IngestReader, IngestWriter


def _record(dead_letter: StoredDeadLetter, sent: Redelivery) -> OutboxRecord:
    headers = dict(sent.headers)
    if dead_letter.correlation_id:
        headers[CORRELATION_HEADER] = dead_letter.correlation_id
    key = sent.service_name.encode()
    return OutboxRecord(f"replay:{dead_letter.id}", sent.topic, key, sent.value, headers=headers)
