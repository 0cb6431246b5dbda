"""What a dead letter is sent again as: its record, or a corrected one, as of when it came. Pure."""

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
class Letter:
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
    corrected: bool | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the value was cut off."""
        return self.value is not None and len(self.value) == self.value_bytes


@dataclass(frozen=True, slots=True)
class Redelivery:
    """The record that goes out for a letter; Kafka's own hash of the key finds its shard."""

    topic: str
    service_name: str
    value: bytes
    headers: dict[str, str]


def redelivery(
    letter: Letter, kind: Kind, corrected: bytes | None, lateness: timedelta
) -> Redelivery:
    """Return the record to send: it counts as of the letter's append time.

    Raises EventRejected where it would only be refused again.
    """
    value = letter.value if corrected is None else corrected
    if corrected is None and not letter.is_whole:
        raise EventRejected(
            "event_required", "event", "the record is not there as a whole; send it corrected"
        )
    service = _service(letter.appended_at, kind, value, lateness)
    milliseconds = round(letter.appended_at.timestamp() * 1000)
    headers = {FORWARDED_AT_HEADER: str(milliseconds), REPLAYED_FROM_HEADER: letter.id}
    return Redelivery(letter.topic, service, value or b"", headers)


def _service(appended_at: datetime, kind: Kind, value: bytes | None, lateness: timedelta) -> str:
    """Judge the record as its consumer will; return whose it is."""
    if kind == "event":
        event = parse_metric_event(value)
        check_time(event.timestamp, appended_at, lateness)
        return event.service
    if kind == "change":
        change = parse_change_event(value)
        check_change_time(change.at, appended_at)
        return change.service
    raise EventRejected(
        "history_by_import",
        "topic",
        "history is not sent again from here; put the corrected lines into a file and run "
        "`burnline import` with it",
    )
