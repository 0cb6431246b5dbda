"""Dead letters as stored, and the record that one is sent again as. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from common.admission.change_events import check_change_time, parse_change_event
from common.admission.decoding import EventRejected
from common.admission.metric_events import check_time, parse_metric_event
from common.kafka.headers import FORWARDED_AT_HEADER, REPLAYED_FROM_HEADER

Kind = Literal["event", "change", "history"]
"""What a topic carries, as far as sending it again goes."""


@dataclass(frozen=True, slots=True)
class DeadLetterSum:
    """Records of one cause that were refused in one hour, and of which no letter is kept."""

    topic: str
    code: str
    sender: str
    hour: datetime
    records: int
    newest_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as it is stored; `value` may be cut off, `value_bytes` is its whole length."""

    id: str
    recorded_at: datetime
    code: str
    field: str
    detail: str
    topic: str
    partition: int
    record_offset: int
    appended_at: datetime
    value: bytes | None
    value_bytes: int | None
    correlation_id: str | None
    replayed_at: datetime | None = None
    replayed_by: str | None = None
    replayed_on_behalf_of: str | None = None
    corrected: bool | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the value was cut off."""
        return self.value is not None and len(self.value) == self.value_bytes


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """Dead letters older than `before` (when recorded, id), newest first; None: of every one."""

    before: tuple[datetime, str] | None
    limit: int
    code: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class ShardPosition:
    """How far a consumer has applied one topic of one shard, by its ledger."""

    service: str
    shard: int
    topic: str
    epoch: int
    owner: str
    next_offset: int
    applied_through: datetime


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """What one service has still to announce; `oldest_at` is None where that is nothing."""

    service: str
    waiting: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Redelivery:
    """The record that goes out for a dead letter; Kafka's own hash of the key finds its shard."""

    topic: str
    service_name: str
    value: bytes
    headers: dict[str, str]


def redelivery(
    dead_letter: StoredDeadLetter, kind: Kind, corrected: bytes | None, lateness: timedelta
) -> Redelivery:
    """Return the record to send: it counts as of the dead letter's append time.

    Raises EventRejected where it would only be refused again.
    """
    value = dead_letter.value if corrected is None else corrected
    if corrected is None and not dead_letter.is_whole:
        raise EventRejected(
            "event", "event_required", "the record is not there as a whole; send it corrected"
        )
    service = _service(dead_letter.appended_at, kind, value, lateness)
    milliseconds = round(dead_letter.appended_at.timestamp() * 1000)
    headers = {FORWARDED_AT_HEADER: str(milliseconds), REPLAYED_FROM_HEADER: dead_letter.id}
    return Redelivery(dead_letter.topic, service, value or b"", headers)


def _service(appended_at: datetime, kind: Kind, value: bytes | None, lateness: timedelta) -> str:
    """Check the record as its consumer will; return whose it is."""
    if kind == "event":
        event = parse_metric_event(value)
        check_time(event.timestamp, appended_at, lateness)
        return event.service
    if kind == "change":
        change = parse_change_event(value)
        check_change_time(change.at, appended_at)
        return change.service
    raise EventRejected(
        "topic",
        "history_by_import",
        "history is not sent again from here; put the corrected lines into a file and run "
        "`burnline import` with it",
    )
