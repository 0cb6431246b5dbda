"""Dead letters and ledger positions of all consumers, and the replays that users asked for."""

from dataclasses import replace

from sqlalchemy import text

from api_gateway.ingest_health.domain import Letter, Redelivery
from api_gateway.ingest_health.ports import LetterQuery, OutboxBacklog, ShardPosition
from api_gateway.storage.rows import from_row
from api_gateway.storage.unit_of_work import Store, Writing
from common.observability.logging import CORRELATION_HEADER
from common.storage.audit import AuditEvent
from common.storage.database import Database, ReadSession
from common.storage.outbox import Outbox, OutboxRecord

_COLUMNS = """id, recorded_at, code, field, detail, topic, partition, record_offset, appended_at,
    value, value_bytes, correlation_id"""
_LETTERS = f"""(SELECT {_COLUMNS} FROM burnrate.dead_letter
    UNION ALL SELECT {_COLUMNS} FROM gate.dead_letter)"""  # noqa: S608 - a constant
_WITH_REPLAY = f"""SELECT l.*, r.replayed_at, r.replayed_by, r.corrected
    FROM {_LETTERS} AS l LEFT JOIN catalog.dead_letter_replay AS r ON r.letter_id = l.id"""  # noqa: S608

_PAGE = text(
    f"""{_WITH_REPLAY}
    WHERE (CAST(:before_at AS timestamptz) IS NULL
            OR (l.recorded_at, l.id) < (:before_at, CAST(:before_id AS text)))
        AND (CAST(:code AS text) IS NULL OR l.code = :code)
        AND (CAST(:topic AS text) IS NULL OR l.topic = :topic)
    ORDER BY l.recorded_at DESC, l.id DESC LIMIT :limit"""
)
_ONE = text(f"{_WITH_REPLAY} WHERE l.id = :id")
_REPLAY = text(
    """INSERT INTO catalog.dead_letter_replay (letter_id, replayed_at, replayed_by, corrected)
    VALUES (:letter_id, :replayed_at, :replayed_by, :corrected)"""
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


class PostgresIngest(Store["IngestReads", "IngestWrites"]):
    """Readers and writers of what the consumers could not take, and of how far they are."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox, IngestReads, IngestWrites)


class IngestReads:
    """Reads what is stored."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def letters(self, query: LetterQuery) -> list[Letter]:
        """Return letters, newest first."""
        at, letter_id = query.before or (None, None)
        asked = {
            "before_at": at,
            "before_id": letter_id,
            "code": query.code,
            "topic": query.topic,
            "limit": query.limit,
        }
        return [from_row(Letter, row) for row in await self._session.execute(_PAGE, asked)]

    async def letter(self, letter_id: str) -> Letter | None:
        """Return one letter."""
        row = (await self._session.execute(_ONE, {"id": letter_id})).one_or_none()
        return None if row is None else from_row(Letter, row)

    async def positions(self) -> list[ShardPosition]:
        """Return every position that a ledger holds."""
        rows = await self._session.execute(_POSITIONS)
        return [from_row(ShardPosition, row) for row in rows]

    async def outboxes(self) -> list[OutboxBacklog]:
        """Return the backlog of every outbox."""
        rows = await self._session.execute(_OUTBOXES)
        return [from_row(OutboxBacklog, row) for row in rows]


class IngestWrites(IngestReads):
    """Sends letters again."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing.session)
        self._writing = writing

    async def replay(
        self,
        letter: Letter,
        sent: Redelivery,
        event: AuditEvent,
        corrected: bool,  # noqa: FBT001 - a column's value
    ) -> Letter:
        """Note the replay, audit it, and let the outbox send the record."""
        noted = {"replayed_at": event.at, "replayed_by": event.actor, "corrected": corrected}
        await self._session.execute(_REPLAY, {"letter_id": letter.id, **noted})
        await self._writing.record(event)
        await self._writing.outbox.add(self._writing.session, [_record(letter, sent)])
        return replace(letter, replayed_at=event.at, replayed_by=event.actor, corrected=corrected)


def _record(letter: Letter, sent: Redelivery) -> OutboxRecord:
    headers = dict(sent.headers)
    if letter.correlation_id:
        headers[CORRELATION_HEADER] = letter.correlation_id
    return OutboxRecord(
        f"replay:{letter.id}", sent.topic, sent.service_name.encode(), sent.value, headers=headers
    )
