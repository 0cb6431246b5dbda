"""Operations on dead letters: look, and send one again, as it was or corrected."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from api_gateway.http.problems import existing, invalid
from api_gateway.ingest_health.domain import (
    DeadLetterQuery,
    DeadLetterSum,
    Kind,
    StoredDeadLetter,
    redelivery,
)
from api_gateway.ingest_health.repository import IngestReader, IngestStore
from common.access.names import attributed
from common.admission.decoding import EventRejected
from common.http.problems import Problem
from common.kafka.topics import CHANGES, METRICS
from common.storage.audit import AuditEvent
from common.storage.audit_changes import field_changes

_KINDS: Mapping[str, Kind] = {METRICS.name: "event", CHANGES.name: "change"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class DeadLetterService:
    """Replays of dead letters."""

    def __init__(self, store: IngestStore, lateness: timedelta) -> None:
        self._store, self._lateness = store, lateness

    async def all(self, query: DeadLetterQuery) -> list[StoredDeadLetter]:
        """Return dead letters, newest first."""
        async with self._store.read() as reader:
            return await reader.dead_letters(query)

    async def sums(self, limit: int) -> list[DeadLetterSum]:
        """Return what was refused beyond the dead letters that are kept, by hour and cause."""
        async with self._store.read() as reader:
            return await reader.dead_letter_sums(limit)

    async def one(self, dead_letter_id: str) -> StoredDeadLetter:
        """Return a dead letter; 404."""
        async with self._store.read() as reader:
            return await _existing(reader, dead_letter_id)

    async def replay(
        self, dead_letter_id: str, event: dict[str, Any] | None, on_behalf_of: str, now: datetime
    ) -> StoredDeadLetter:
        """Send a dead letter's record again, or `event` in its place, once.

        Problems: 404, 409 for what was sent again before, 422 for what would be refused again.
        """
        async with self._store.write() as writer:
            dead_letter = await _existing(writer, dead_letter_id)
            if dead_letter.replayed_at is not None:
                at = dead_letter.replayed_at.isoformat()
                by = attributed(dead_letter.replayed_by or "", dead_letter.replayed_on_behalf_of)
                detail = f"was sent again by {by} at {at}"
                raise invalid("id", "already_replayed", detail, 409)
            kind = _KINDS.get(dead_letter.topic, "history")
            corrected = None if event is None else _bytes_of(event)
            try:
                sent = redelivery(dead_letter, kind, corrected, self._lateness)
            except EventRejected as rejection:
                raise _refused(rejection) from None
            details = {
                "code": dead_letter.code,
                "topic": dead_letter.topic,
                "corrected": event is not None,
            }
            subject = f"dead-letter/{dead_letter.id}"
            changes = field_changes({"state": "refused"}, {"state": "replayed"})
            if event is not None:
                changes += field_changes(_object_of(dead_letter.value), _object_of(corrected))
            audited = AuditEvent(
                now,
                "dead_letter.replayed",
                subject,
                sent.service_name,
                details,
                changes,
                on_behalf_of,
            )
            return await writer.replay(dead_letter, sent, audited, corrected=event is not None)


def _refused(rejection: EventRejected) -> Problem:
    if rejection.field in {"event", "topic"}:
        return invalid(rejection.field, rejection.code, rejection.detail)
    detail = f"{rejection.detail}; the record would only be refused again"
    return invalid(f"event.{rejection.field}", rejection.code, detail)


def _bytes_of(event: dict[str, Any]) -> bytes:
    try:
        return _encode(event)
    except (OverflowError, RecursionError):
        raise invalid("event", "invalid_json", "cannot be written as JSON") from None


def _object_of(value: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object that a record holds; None where it holds none."""
    try:
        return _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _existing(reader: IngestReader, dead_letter_id: str) -> StoredDeadLetter:
    detail = f"There is no dead letter {dead_letter_id}; GET /api/ingest/dead-letters lists them."
    return existing(await reader.dead_letter(dead_letter_id), "unknown_dead_letter", detail)
