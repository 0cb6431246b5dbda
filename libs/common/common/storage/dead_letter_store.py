"""The dead letters of one schema: each goes to its topic once, and can be read in a table."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from common.storage.database import WriteSession
from common.storage.dead_letters import DeadRecord, dead_letter_record
from common.storage.outbox import Outbox

KEPT_LETTERS = 100_000
_ID_BYTES = 16


class DeadLetterStore:
    """Takes letters inside the transaction of the batch that they were found in."""

    def __init__(self, schema: str, outbox: Outbox) -> None:
        self._outbox = outbox
        self._insert = text(
            f"""INSERT INTO {schema}.dead_letter (id, code, field, detail, topic, partition,
                record_offset, appended_at, key, value, value_bytes, correlation_id)
            VALUES (:id, :code, :field, :detail, :topic, :partition,
                :record_offset, :appended_at, :key, :value, :value_bytes, :correlation_id)
            ON CONFLICT DO NOTHING"""  # noqa: S608 - the schema is ours
        )
        self._purge = text(
            f"""DELETE FROM {schema}.dead_letter WHERE recorded_at < greatest(:before, (
                SELECT recorded_at FROM {schema}.dead_letter
                ORDER BY recorded_at DESC OFFSET {KEPT_LETTERS - 1} LIMIT 1))"""  # noqa: S608
        )

    async def add(
        self, session: WriteSession, found: Sequence[DeadRecord], cluster_id: str
    ) -> None:
        """Store the letters and let the outbox publish them; a repeat changes nothing."""
        if not found:
            return
        letters = [dead_letter_record(dead, cluster_id) for dead in found]
        await self._outbox.add(session, letters)
        rows = [_row(dead, sent.dedup_key) for dead, sent in zip(found, letters, strict=True)]
        await session.execute(self._insert, rows)

    async def purge(self, session: WriteSession, before: datetime) -> None:
        """Forget letters of before that instant, and all but the newest KEPT_LETTERS."""
        await session.execute(self._purge, {"before": before})


def _row(dead: DeadRecord, dedup_key: str) -> dict[str, object]:
    record, letter = dead.record, dead.letter
    return {
        "id": hashlib.blake2b(dedup_key.encode(), digest_size=_ID_BYTES).hexdigest(),
        "code": letter.code,
        "field": _storable(letter.field),
        "detail": _storable(letter.detail),
        "topic": letter.topic,
        "partition": letter.partition,
        "record_offset": letter.offset,
        "appended_at": letter.appended_at,
        "key": dead.kept_key(),
        "value": dead.kept_value(),
        "value_bytes": None if record.value is None else len(record.value),
        "correlation_id": letter.correlation_id and _storable(letter.correlation_id),
    }


def _storable(value: str) -> str:
    """Return the text as PostgreSQL can hold it, whatever the record was made of."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()
