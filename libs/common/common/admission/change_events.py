"""Validate change events: the same checks for HTTP and for the changes topic.

`parse_change_event` checks the content, `check_change_time` the instant against the arrival.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct

from common.admission.decoding import EventRejected, decode_json
from common.admission.fields import check_body, check_name, check_not_in_future, check_text, utc
from common.admission.metric_events import HISTORY_AGE
from common.events import MAX_NOTE_LENGTH, MAX_URL_LENGTH, NOTE, ChangeEvent, ChangeKind

KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
IDENTITY_BYTES = 16

_URL = re.compile(r"https?://\S+")


class _RawChange(Struct):
    """A change as it was sent, its fields of the right kind and otherwise unchecked."""

    service: str
    at: Annotated[datetime, Meta(tz=True)]
    kind: str
    version: str = ""
    actor: str = ""
    url: str = ""
    note: str = ""
    source: str = ""
    event_id: str = ""


class _StrictChange(_RawChange, forbid_unknown_fields=True):
    pass


_lenient = msgspec.json.Decoder(_RawChange)
_strict = msgspec.json.Decoder(_StrictChange)


def parse_change_event(body: bytes | None, *, forbid_unknown: bool = False) -> ChangeEvent:
    """Return the event with `at` in UTC; raise EventRejected for any other bytes.

    Unknown fields are ignored unless `forbid_unknown`.
    """
    decoder: msgspec.json.Decoder[Any] = _strict if forbid_unknown else _lenient
    raw: _RawChange = decode_json(decoder, check_body(body))
    check_name(raw.service)
    for field in ("version", "actor", "source", "event_id"):
        check_text(field, getattr(raw, field))
    check_text("note", raw.note, MAX_NOTE_LENGTH)
    if raw.kind == NOTE and not raw.note.strip():
        raise EventRejected("note", "missing_field", "is what a note says; give it some text")
    return ChangeEvent(
        service=raw.service,
        at=utc("at", raw.at),
        kind=_kind(raw.kind),
        version=raw.version,
        actor=raw.actor,
        url=_url(raw.url),
        note=raw.note,
        source=raw.source,
        event_id=raw.event_id,
    )


def check_change_time(at: datetime, appended_at: datetime, slack: timedelta = timedelta()) -> None:
    """Raise EventRejected where the change is older than any budget, or lies in the future.

    `appended_at` is when the change arrived, or when the broker took its record, so that a replay
    is treated the same: there `slack` is APPEND_SLACK.
    """
    check_not_in_future("at", at, appended_at)
    if at < appended_at - HISTORY_AGE - slack:
        raise EventRejected(
            "at",
            "timestamp_too_old",
            f"is more than {HISTORY_AGE.days} days before its arrival, the longest SLO window",
        )


def identity_of_change(event: ChangeEvent) -> bytes:
    """Return the key, 16 bytes, under which the same change sent twice is one.

    That is service, source and event_id; without an event_id the content takes its place.
    """
    named: tuple[Any, ...] = ("id", event.service, event.source, event.event_id)
    if not event.event_id:
        named = ("content", *msgspec.structs.astuple(event))
    return hashlib.blake2b(msgspec.json.encode(named), digest_size=IDENTITY_BYTES).digest()


def _kind(value: str) -> ChangeKind:
    for kind in KINDS:
        if kind == value:
            return kind
    raise EventRejected("kind", "invalid_kind", f"must be one of {', '.join(KINDS)}")


def _url(value: str) -> str:
    check_text("url", value, MAX_URL_LENGTH)
    if value and not _URL.fullmatch(value):
        raise EventRejected("url", "invalid_url", "must begin with http:// or https://, no spaces")
    return value
