"""What users may do with dead letters: look, and send one again, as it was or corrected."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from api_gateway.http.problems import invalid
from api_gateway.ingest_health.domain import Kind, Letter, redelivery
from api_gateway.ingest_health.ports import IngestReader, IngestStore
from common.admission.decoding import EventRejected
from common.http.problems import Problem
from common.kafka.topics import CHANGES, METRICS
from common.storage.audit import AuditEvent

_KINDS: Mapping[str, Kind] = {METRICS.name: "event", CHANGES.name: "change"}
_encode = msgspec.json.Encoder(decimal_format="number").encode


class DeadLetters:
    """The rules of replays, on a store."""

    def __init__(self, store: IngestStore, lateness: timedelta) -> None:
        self._store, self._lateness = store, lateness

    async def one(self, letter_id: str) -> Letter:
        """Return a letter; 404."""
        async with self._store.read() as reader:
            return await _existing(reader, letter_id)

    async def replay(
        self, letter_id: str, event: dict[str, Any] | None, actor: str, now: datetime
    ) -> Letter:
        """Send a letter's record again, or `event` in its place, once.

        Problems: 404, 409 for what was sent again before, 422 for what would be refused again.
        """
        async with self._store.write() as writer:
            letter = await _existing(writer, letter_id)
            if letter.replayed_at is not None:
                detail = (
                    f"was sent again by {letter.replayed_by} at {letter.replayed_at.isoformat()}"
                )
                raise invalid("id", "already_replayed", detail, 409)
            kind = _KINDS.get(letter.topic, "history")
            corrected = None if event is None else _bytes_of(event)
            try:
                sent = redelivery(letter, kind, corrected, self._lateness)
            except EventRejected as rejection:
                raise _refused(rejection) from None
            details = {"code": letter.code, "topic": letter.topic, "corrected": event is not None}
            subject = f"dead-letter/{letter.id}"
            deed = AuditEvent(
                now, actor, "dead_letter.replayed", subject, sent.service_name, details
            )
            return await writer.replay(letter, sent, deed, event is not None)


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


async def _existing(reader: IngestReader, letter_id: str) -> Letter:
    letter = await reader.letter(letter_id)
    if letter is None:
        detail = f"There is no dead letter {letter_id}; GET /api/ingest/dead-letters lists them."
        raise Problem(404, "unknown_dead_letter", detail)
    return letter
