"""Send records whose content is wrong to their dead-letter topic and table, each once."""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from msgspec.structs import asdict
from sqlalchemy import text

from common.admission.decoding import UNREADABLE_CODES, EventRejected
from common.events import DeadLetter, encode
from common.kafka.client import Record, header, sender_of
from common.kafka.headers import FORWARDED_AT_HEADER
from common.observability.logging import CORRELATION_HEADER
from common.runtime.metrics import DEAD_LETTERS
from common.storage.database import WriteSession
from common.storage.outbox import Outbox, OutboxRecord

log = structlog.get_logger()

KEPT_DEAD_LETTERS = 100_000
KEPT_OF_A_CAUSE = 1_000
"""Dead letters of one cause that are kept in an hour; those beyond are only counted."""

_TOPIC_SUFFIX = ".dlq"
_ID_BYTES = 16
_LETTER_KEY_BYTES = 1_024
_LETTER_VALUE_BYTES = 262_144  # as base64 well below what a broker takes
_MAX_CORRELATION_ID = 256
_HEADER_LENGTH = 256
_MILLISECOND_DIGITS = 15
_MOST_CAUSES = 1_000
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A record whose content is wrong, and its dead letter."""

    record: Record
    letter: DeadLetter

    @property
    def is_unreadable(self) -> bool:
        """Whether it is no event at all, and not one whose content is wrong."""
        return self.letter.code in UNREADABLE_CODES

    def kept_key(self) -> bytes | None:
        """Return the key, cut to the length that is stored."""
        return self.record.key[:_LETTER_KEY_BYTES] if self.record.key else None

    def kept_value(self) -> bytes | None:
        """Return the value, cut to the length that is stored."""
        return None if self.record.value is None else self.record.value[:_LETTER_VALUE_BYTES]


def appended(record: Record) -> datetime:
    """Return when the broker appended the record."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def first_appended_at(record: Record) -> datetime:
    """Return when a broker first appended the record.

    A record that was forwarded or replayed carries that time in a header.
    """
    carried = whole_number(header(record, FORWARDED_AT_HEADER), _MILLISECOND_DIGITS)
    if carried is None or carried >= record.timestamp:
        return appended(record)
    return datetime.fromtimestamp(carried / 1000, UTC)


def milliseconds(instant: datetime) -> int:
    """Return an append time as its header carries it: milliseconds since 1970."""
    return round(instant.timestamp() * 1000)


def whole_number(text: str | None, max_digits: int) -> int | None:
    """Parse a header's decimal number; None where it holds anything else."""
    if text is None or len(text) > max_digits or not text.isascii() or not text.isdigit():
        return None
    return int(text)


def dead_letter(record: Record, appended_at: datetime, rejection: EventRejected) -> DeadLetter:
    """Return the dead letter of a refused record."""
    return DeadLetter(
        code=rejection.code,
        field=rejection.field,
        detail=rejection.detail,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_at=appended_at,
        key=_base64(record.key, _LETTER_KEY_BYTES),
        value=_base64(record.value, _LETTER_VALUE_BYTES),
        value_bytes=None if record.value is None else len(record.value),
        correlation_id=(header(record, CORRELATION_HEADER) or "")[:_MAX_CORRELATION_ID] or None,
    )


def dead_letter_record(dead: DeadRecord, cluster_id: str) -> OutboxRecord:
    """Return the outbox record of a dead letter, the same however often the record is read."""
    record, letter = dead.record, dead.letter
    return OutboxRecord(
        dedup_key=f"dlq:{record_identity(record, cluster_id)}",
        topic=record.topic + _TOPIC_SUFFIX,
        key=dead.kept_key(),
        value=encode(letter),
        headers={"code": letter.code, **kept_headers(record, (CORRELATION_HEADER,))},
    )


def record_identity(record: Record, cluster_id: str) -> str:
    """Return a record's cluster, place and time; the place alone repeats in a new topic."""
    place = f"{record.topic}:{record.partition}:{record.offset}"
    return f"{cluster_id}:{place}:{record.timestamp}"


def kept_headers(record: Record, names: Sequence[str]) -> dict[str, str]:
    """Return the named headers, without what PostgreSQL cannot hold."""
    found = {name: (header(record, name) or "").replace("\0", "") for name in names}
    return {name: value[:_HEADER_LENGTH] for name, value in found.items() if value}


class Cause(NamedTuple):
    """What dead letters are summed up by: one refusal, of one sender, in one hour."""

    topic: str
    code: str
    sender: str
    hour: datetime


class CauseLimit:
    """Keep so many records of each cause; what is read again after a failure is kept again."""

    def __init__(self) -> None:
        self._kept: dict[Cause, set[tuple[int, int]]] = {}

    def cause(self, dead: DeadRecord) -> Cause:
        """Return what a dead record is summed up under; too many senders are one."""
        letter, sender = dead.letter, sender_of(dead.record)
        hour = letter.appended_at.replace(minute=0, second=0, microsecond=0)
        cause = Cause(letter.topic, letter.code, sender, hour)
        if cause in self._kept or len(self._kept) < _MOST_CAUSES:
            return cause
        self._forget_before(hour)
        return cause if len(self._kept) < _MOST_CAUSES else cause._replace(sender=_OTHERS)

    def keeps(self, cause: Cause, dead: DeadRecord) -> bool:
        """Return whether the dead letter itself is kept, and not only counted."""
        kept, place = (
            self._kept.setdefault(cause, set()),
            (dead.letter.partition, dead.letter.offset),
        )
        if len(kept) < KEPT_OF_A_CAUSE:
            kept.add(place)
        return place in kept

    def _forget_before(self, hour: datetime) -> None:
        self._kept = {cause: kept for cause, kept in self._kept.items() if cause.hour >= hour}


class DeadLetterStore:
    """Store the dead letters of one schema in the transaction of their batch.

    Of each cause so many are kept, and the rest is counted: a flood of them delays nobody.
    """

    def __init__(self, schema: str, outbox: Outbox) -> None:
        self._outbox, self._limit = outbox, CauseLimit()
        self._insert = text(
            f"""INSERT INTO {schema}.dead_letter (id, code, field, detail, topic, partition,
                record_offset, appended_at, key, value, value_bytes, correlation_id)
            VALUES (:id, :code, :field, :detail, :topic, :partition,
                :record_offset, :appended_at, :key, :value, :value_bytes, :correlation_id)
            ON CONFLICT DO NOTHING"""  # noqa: S608 - the schema is ours
        )
        self._count = text(
            f"""INSERT INTO {schema}.dead_letter_sum AS s
                (topic, code, sender, hour, records, newest_at, detail)
            VALUES (:topic, :code, :sender, :hour, :records, :newest_at, :detail)
            ON CONFLICT (topic, code, sender, hour) DO UPDATE
            SET records = s.records + excluded.records, detail = excluded.detail,
                newest_at = greatest(s.newest_at, excluded.newest_at)"""  # noqa: S608
        )
        self._purge_sums = text(
            f"DELETE FROM {schema}.dead_letter_sum WHERE hour < :before"  # noqa: S608
        )
        self._purge = text(
            f"""DELETE FROM {schema}.dead_letter WHERE recorded_at < greatest(:before, (
                SELECT recorded_at FROM {schema}.dead_letter
                ORDER BY recorded_at DESC OFFSET {KEPT_DEAD_LETTERS - 1} LIMIT 1))"""  # noqa: S608
        )

    async def add(
        self, session: WriteSession, found: Sequence[DeadRecord], cluster_id: str
    ) -> None:
        """Store dead letters and let the outbox publish them; a repeat changes nothing."""
        if not found:
            return
        found = await self._without_the_counted(session, found)
        _log([dead.letter for dead in found])
        if not found:
            return
        records = [dead_letter_record(dead, cluster_id) for dead in found]
        await self._outbox.add(session, records)
        rows = [_row(dead, sent.dedup_key) for dead, sent in zip(found, records, strict=True)]
        await session.execute(self._insert, rows)

    async def _without_the_counted(
        self, session: WriteSession, found: Sequence[DeadRecord]
    ) -> Sequence[DeadRecord]:
        """Return the dead letters that are kept; add up the others by cause."""
        kept, counted, newest = [], Counter[Cause](), dict[Cause, DeadLetter]()
        for dead in found:
            cause = self._limit.cause(dead)
            if self._limit.keeps(cause, dead):
                kept.append(dead)
            else:
                counted[cause] += 1
                newest[cause] = dead.letter
        # sorted, so that two shards whose transactions meet cannot wait for each other
        rows = [_sum_row(cause, counted[cause], newest[cause]) for cause in sorted(counted)]
        if rows:
            await session.execute(self._count, rows)
        for row in rows:
            DEAD_LETTERS.labels(row["topic"], row["code"]).inc(row["records"])
            log.warning("dead_letters_counted", **row)
        return kept

    async def purge(self, session: WriteSession, before: datetime) -> None:
        """Delete those of before that instant, and all but the newest KEPT_DEAD_LETTERS."""
        await session.execute(self._purge, {"before": before})
        await session.execute(self._purge_sums, {"before": before})


def _log(dead_letters: Sequence[DeadLetter]) -> None:
    """Count and log each dead letter, by the place of its record."""
    for letter in dead_letters:
        DEAD_LETTERS.labels(letter.topic, letter.code).inc()
        log.warning(
            "dead_letter",
            code=letter.code,
            field=letter.field,
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            correlation_id=letter.correlation_id,
        )


def _sum_row(cause: Cause, records: int, newest: DeadLetter) -> dict[str, Any]:
    said = {"newest_at": newest.appended_at, "detail": _storable(newest.detail)}
    return {**cause._asdict(), "records": records, **said}


def _row(dead: DeadRecord, dedup_key: str) -> dict[str, object]:
    letter = dead.letter
    return {
        **asdict(letter),
        "id": hashlib.blake2b(dedup_key.encode(), digest_size=_ID_BYTES).hexdigest(),
        "field": _storable(letter.field),
        "detail": _storable(letter.detail),
        "record_offset": letter.offset,
        "key": dead.kept_key(),
        "value": dead.kept_value(),
        "correlation_id": letter.correlation_id and _storable(letter.correlation_id),
    }


def _storable(value: str) -> str:
    """Return the text without what PostgreSQL cannot hold."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _base64(value: bytes | None, limit: int) -> str | None:
    return None if value is None else base64.b64encode(value[:limit]).decode()
