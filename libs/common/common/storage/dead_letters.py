"""Records whose content is wrong, on their way to the dead-letter topic: once each, and told."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from common.admission.decoding import EventRejected
from common.events import DeadLetter, encode
from common.kafka.client import Record, header
from common.kafka.headers import FORWARDED_AT_HEADER
from common.observability.logging import CORRELATION_HEADER
from common.runtime.metrics import DEAD_LETTERS
from common.storage.outbox import OutboxRecord

log = structlog.get_logger()

_TOPIC_SUFFIX = ".dlq"
_LETTER_KEY_BYTES = 1_024
_LETTER_VALUE_BYTES = 262_144  # as base64 well below what a broker takes
_MAX_CORRELATION_ID = 256
_HEADER_LENGTH = 256
_MILLISECOND_DIGITS = 15


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A record whose content is wrong, and its letter."""

    record: Record
    letter: DeadLetter

    def kept_key(self) -> bytes | None:
        """Return as much of the key as is kept."""
        return self.record.key[:_LETTER_KEY_BYTES] if self.record.key else None

    def kept_value(self) -> bytes | None:
        """Return as much of the value as is kept."""
        return None if self.record.value is None else self.record.value[:_LETTER_VALUE_BYTES]


def appended(record: Record) -> datetime:
    """Return when the broker took the record."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def first_appended_at(record: Record) -> datetime:
    """Return when a broker first took the record.

    One that was forwarded, or sent again from a dead letter, carries that time with it.
    """
    carried = whole_number(header(record, FORWARDED_AT_HEADER), _MILLISECOND_DIGITS)
    if carried is None or carried >= record.timestamp:
        return appended(record)
    return datetime.fromtimestamp(carried / 1000, UTC)


def milliseconds(instant: datetime) -> int:
    """Return an append time as its header carries it: milliseconds since 1970."""
    return round(instant.timestamp() * 1000)


def whole_number(text: str | None, max_digits: int) -> int | None:
    """Return the number that a header holds; None where it holds anything else."""
    if text is None or len(text) > max_digits or not text.isascii() or not text.isdigit():
        return None
    return int(text)


def dead_letter(record: Record, appended_at: datetime, rejection: EventRejected) -> DeadLetter:
    """Return the letter of a record that was refused."""
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
    """Return the letter as the outbox takes it: once, however often the record is read."""
    record, letter = dead.record, dead.letter
    return OutboxRecord(
        dedup_key=f"dlq:{birth(record, cluster_id)}",
        topic=record.topic + _TOPIC_SUFFIX,
        key=dead.kept_key(),
        value=encode(letter),
        headers={"code": letter.code, **kept_headers(record, (CORRELATION_HEADER,))},
    )


def birth(record: Record, cluster_id: str) -> str:
    """Return when and where a record was appended; the place alone comes again in a new topic."""
    place = f"{record.topic}:{record.partition}:{record.offset}"
    return f"{cluster_id}:{place}:{record.timestamp}"


def kept_headers(record: Record, names: Sequence[str]) -> dict[str, str]:
    """Return the named headers, as far as PostgreSQL can hold them; others are not ours."""
    found = {name: (header(record, name) or "").replace("\0", "") for name in names}
    return {name: value[:_HEADER_LENGTH] for name, value in found.items() if value}


def log_dead_letters(letters: Sequence[DeadLetter]) -> None:
    """Tell operators of each letter, by the place of its record."""
    for letter in letters:
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


def _base64(value: bytes | None, limit: int) -> str | None:
    return None if value is None else base64.b64encode(value[:limit]).decode()
