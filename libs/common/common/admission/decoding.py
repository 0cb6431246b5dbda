"""Decode an event's JSON, and name what is wrong with it by field and code.

Types are as loose as they can be: the checks of the admission modules give better reasons.
"""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from common.invalid_field import InvalidFieldError
from common.slo.streams import DEFAULT_INDICATOR

_MAX_FIELD_LENGTH = 128


class EventRejected(InvalidFieldError):  # noqa: N818 - a verdict, not a fault of ours
    """The content of an event is wrong."""


UNREADABLE_CODES: Final = frozenset(
    {
        "null_value",
        "event_too_large",
        "invalid_utf8",
        "invalid_json",
        "invalid_type",
        "missing_field",
    }
)
"""Why bytes are no event at all. All other codes speak of an event whose content is wrong."""


class RawLatency(Struct):
    """Latency as it was sent."""

    bounds: list[float]
    counts: list[int | float]


class RawEvent(Struct):
    """An event as it was sent, its fields of the right kind and otherwise unchecked."""

    service: str
    timestamp: Annotated[datetime, Meta(tz=True)]
    total: int | float
    bad: int | float | None = None
    good: int | float | None = None
    source: str = ""
    event_id: str = ""
    window_seconds: int | float = 10
    latency: RawLatency | None = None
    attributes: dict[str, str] | UnsetType = UNSET
    indicator: str = DEFAULT_INDICATOR


class _StrictLatency(RawLatency, forbid_unknown_fields=True):
    pass


class _StrictEvent(RawEvent, forbid_unknown_fields=True):
    latency: _StrictLatency | None = None


_lenient = msgspec.json.Decoder(RawEvent)
_strict = msgspec.json.Decoder(_StrictEvent)


def decode_event(body: bytes, *, forbid_unknown: bool) -> RawEvent:
    """Return a metric event's fields; EventRejected for bytes that are none."""
    decoder: msgspec.json.Decoder[Any] = _strict if forbid_unknown else _lenient
    decoded: RawEvent = decode_json(decoder, body)
    return decoded


Decoded = TypeVar("Decoded")


def decode_json(decoder: "msgspec.json.Decoder[Decoded]", body: bytes) -> Decoded:
    """Return what the decoder makes of the bytes; raise EventRejected, and nothing else."""
    try:
        body.decode()
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise EventRejected(
            "body", "invalid_utf8", f"byte {error.start} is not UTF-8; encode the event as UTF-8"
        ) from None
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error), body) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid_json(str(error), body) from None


_INSTANTS = frozenset({"timestamp", "at"})
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?\Z", re.DOTALL)
_MISSING = re.compile(r"missing required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PERCENTILE = re.compile(r"p\d+(\.\d+)?|percentiles?|avg|mean|average", re.IGNORECASE)


def _invalid_field(message: str, body: bytes) -> EventRejected:
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    if path.startswith("latency") and _has_percentiles(body):
        return EventRejected(
            "latency",
            "percentiles_refused",
            "percentiles and averages cannot be added up; send bucket `bounds` and `counts`",
        )
    for pattern, code, text in (
        (_MISSING, "missing_field", "is required"),
        (_UNKNOWN, "unknown_field", "is not a field of this event; leave it out"),
    ):
        if name := pattern.search(what):
            field = f"{path}.{name[1]}".strip(".") or "body"
            return EventRejected(field[:_MAX_FIELD_LENGTH], code, text)
    if path in _INSTANTS:
        return EventRejected(
            path, "invalid_timestamp", "must be RFC 3339 with an offset, as 2026-11-23T06:40:00Z"
        )
    return EventRejected(path or "body", "invalid_type", what[:1].lower() + what[1:])


def _has_percentiles(body: bytes) -> bool:
    try:
        latency = msgspec.json.decode(body).get("latency")
    except (msgspec.DecodeError, RecursionError):
        return False  # the decoder stopped at the wrong field, before what is broken behind it
    return isinstance(latency, dict) and any(_PERCENTILE.fullmatch(key) for key in latency)


def _invalid_json(message: str, body: bytes) -> EventRejected:
    """Name the field where the JSON is broken by NaN or Infinity only, which many writers emit."""
    try:
        document = json.loads(body.decode(), parse_constant=_NotANumber)
    except (ValueError, RecursionError):
        return EventRejected("body", "invalid_json", message)
    field = _not_a_number(document)
    if field is None:
        return EventRejected("body", "invalid_json", "has a \\u escape that is half a character")
    return EventRejected(field, "not_a_number", "must be a finite number; JSON has no NaN")


_Path = tuple[()] | tuple[Any, str | int]
"""Where a value stands: the path of what it stands in, then its name or place there."""


class _NotANumber(str):
    __slots__ = ()


def _not_a_number(document: object) -> str | None:
    """Return the path of the first NaN, if there is one. A loop: nesting may be deep."""
    pending: list[tuple[object, _Path]] = [(document, ())]
    while pending:
        value, path = pending.pop()
        if isinstance(value, _NotANumber):
            return _written(path)[:_MAX_FIELD_LENGTH] or "body"
        inside: list[tuple[object, _Path]]
        if isinstance(value, dict):
            inside = [(v, (path, f".{k}")) for k, v in value.items()]
        elif isinstance(value, list):
            inside = [(v, (path, i)) for i, v in enumerate(value)]
        else:
            continue
        pending.extend(reversed(inside))
    return None


def _written(path: _Path) -> str:
    """Return a path as text, which takes too long for each of many values."""
    parts: list[str] = []
    while path:
        path, part = path
        parts.append(part if isinstance(part, str) else f"[{part}]")
    return "".join(reversed(parts)).removeprefix(".")
