"""Records whose content is wrong, on their way to the dead-letter topic: once each, and told."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from common.event_json import EventRejected
from common.events import DeadLetter, encode
from common.kafka import Record, header
from common.logging import CORRELATION_HEADER
from common.outbox import OutboxRecord

log = structlog.get_logger()

_TOPIC_SUFFIX = ".dlq"
_LETTER_KEY_BYTES = 1_024
_LETTER_VALUE_BYTES = 262_144  # as base64 well below what a broker takes
_MAX_CORRELATION_ID = 256
_HEADER_LENGTH = 256


def appended(record: Record) -> datetime:
    """Return when the broker took the record."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


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


def dead_letter_record(record: Record, letter: DeadLetter, cluster_id: str) -> OutboxRecord:
    """Return the letter as the outbox takes it: once, however often the record is read."""
    return OutboxRecord(
        dedup_key=f"dlq:{birth(record, cluster_id)}",
        topic=record.topic + _TOPIC_SUFFIX,
        key=record.key[:_LETTER_KEY_BYTES] if record.key else None,
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
