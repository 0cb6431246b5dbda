"""Validate the fields that all events from outside have. Each refusal names field and fix."""

import re
from datetime import UTC, datetime, timedelta

from common.admission.decoding import EventRejected
from common.events import MAX_TEXT_LENGTH
from common.patterns import NAME_IN_WORDS
from common.slo.vocabulary import RESERVED_SERVICE_NAMES, is_service_name

MAX_FUTURE = timedelta(minutes=5)
APPEND_SLACK = timedelta(minutes=5)
"""How much longer a consumer takes than ingest: what was in time when it arrived over HTTP must
not be too late when the broker has appended it."""
MAX_EVENT_BYTES = 65_536

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_body(body: bytes | None) -> bytes:
    """Return the body; refuse one that is missing or too large."""
    if body is None:
        raise EventRejected("body", "null_value", "the record has no value; send a JSON object")
    if len(body) > MAX_EVENT_BYTES:
        raise EventRejected(
            "body", "event_too_large", f"an event may have at most {MAX_EVENT_BYTES} bytes"
        )
    return body


def check_name(service: str) -> None:
    """Refuse an invalid service name."""
    if not is_service_name(service):
        raise EventRejected("service", "invalid_service_name", NAME_IN_WORDS)
    if service in RESERVED_SERVICE_NAMES:
        raise EventRejected("service", "reserved_service_name", "is a reserved word; rename it")


def check_indicator(name: str) -> None:
    """Refuse an invalid name of an indicator."""
    if not is_service_name(name):
        raise EventRejected("indicator", "invalid_indicator", NAME_IN_WORDS)


def check_text(field: str, text: str, max_length: int = MAX_TEXT_LENGTH) -> None:
    """Refuse a text that is too long or holds control characters."""
    if len(text) > max_length:
        raise EventRejected(field, "too_long", f"may have at most {max_length} characters")
    if has_control_character(text):
        raise EventRejected(
            field, "control_character", "may not have control characters such as NUL"
        )


def has_control_character(text: str) -> bool:
    """Return whether there is one: PostgreSQL holds no NUL, and a log line no line break."""
    return _CONTROL.search(text) is not None


def check_not_in_future(field: str, instant: datetime, appended_at: datetime) -> None:
    """Refuse an instant more than MAX_FUTURE after the broker took the record."""
    if instant > appended_at + MAX_FUTURE:
        raise EventRejected(
            field,
            "timestamp_in_future",
            "is more than 5 minutes ahead of its arrival; check the sender's clock and time zone",
        )


def utc(field: str, instant: datetime) -> datetime:
    """Return the instant in UTC; refuse one that is out of range there."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise EventRejected(field, "invalid_timestamp", "is out of range") from None
