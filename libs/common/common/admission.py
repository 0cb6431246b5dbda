"""Which metric events count: the same checks for HTTP, Kafka and files, each with a code.

`parse_metric_event` judges the content, `check_time` the timestamp against the time of arrival.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from common.events import COUNT_LIMIT, Latency, MetricEvent
from common.slo import (
    LONGEST_WINDOW_DAYS,
    RESERVED_SERVICE_NAMES,
    SERVICE_NAME_PATTERN,
    is_service_name,
)

MAX_FUTURE = timedelta(minutes=5)
HISTORY_AGE = timedelta(days=LONGEST_WINDOW_DAYS)
MAX_EVENT_BYTES = 65_536


class EventRejected(ValueError):  # noqa: N818 - a verdict, not a fault of ours
    """The content of an event is wrong. `detail` says what and how to mend it."""

    def __init__(self, code: str, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.code, self.field, self.detail = code, field, detail


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two events the same, and what makes their contents the same (hashes)."""

    key: bytes  # 16 bytes
    content: bytes  # 8 bytes


class _LenientLatency(Struct):
    bounds: list[float]
    counts: list[int | float]


class _Lenient(Struct):
    """The event with the loosest types that decode, so that every refusal names its reason."""

    service: str
    timestamp: Annotated[datetime, Meta(tz=True)]
    total: int | float
    bad: int | float | None = None
    good: int | float | None = None
    source: str = ""
    event_id: str = ""
    window_seconds: int | float = 10
    latency: _LenientLatency | None = None
    attributes: dict[str, str] | UnsetType = UNSET


class _StrictLatency(_LenientLatency, forbid_unknown_fields=True):
    pass


class _Strict(_Lenient, forbid_unknown_fields=True):
    latency: _StrictLatency | None = None


_lenient = msgspec.json.Decoder(_Lenient)
_strict = msgspec.json.Decoder(_Strict)


def parse_metric_event(body: bytes | None, *, forbid_unknown: bool = False) -> MetricEvent:
    """Return the event with `bad` filled in; raise EventRejected for any other bytes.

    Unknown fields are ignored unless `forbid_unknown`.
    """
    if body is None:
        raise EventRejected("null_value", "body", "the record has no value; send a JSON object")
    if len(body) > MAX_EVENT_BYTES:
        raise EventRejected(
            "event_too_large", "body", f"an event may have at most {MAX_EVENT_BYTES} bytes"
        )
    raw = _decode(body, _strict if forbid_unknown else _lenient)
    _check_names(raw)
    total = _count("total", raw.total)
    return MetricEvent(
        service=raw.service,
        timestamp=_utc(raw.timestamp),
        total=total,
        bad=_bad(raw, total),
        source=raw.source,
        event_id=raw.event_id,
        window_seconds=_window(raw.window_seconds),
        latency=_latency(raw.latency, total),
        attributes=_attributes(raw.attributes),
    )


def check_time(timestamp: datetime, appended_at: datetime, lateness: timedelta) -> None:
    """Raise EventRejected where the event came too late or lies in the future.

    `appended_at` is when the broker took the record, so that a replay gives the same verdict.
    """
    if timestamp > appended_at + MAX_FUTURE:
        raise EventRejected(
            "timestamp_in_future",
            "timestamp",
            "is more than 5 minutes ahead of its arrival; check the sender's clock and time zone",
        )
    if timestamp < appended_at - lateness:
        hours = lateness.total_seconds() / 3600
        raise EventRejected(
            "timestamp_too_old",
            "timestamp",
            f"is more than {hours:g} hours before its arrival; send older history with "
            "`burnline import`"
            if lateness < HISTORY_AGE
            else f"is more than {hours / 24:g} days before its arrival, the longest SLO window",
        )


def identity_of(event: MetricEvent) -> Identity | None:
    """Return the event's identity; None where it has neither `event_id` nor `source`."""
    content = _content(event)
    if event.event_id:
        named = "\0".join((event.service, event.source, event.event_id)).encode()
    elif event.source:
        named = b"content\0" + "\0".join((event.service, event.source)).encode() + b"\0" + content
    else:
        return None
    key = hashlib.blake2b(named, digest_size=16).digest()
    return Identity(key, hashlib.blake2b(content, digest_size=8).digest())


def _content(event: MetricEvent) -> bytes:
    latency = event.latency
    return msgspec.json.encode(
        (
            event.timestamp,
            event.window_seconds,
            event.total,
            event.bad,
            (latency.bounds, latency.counts) if latency else None,
            sorted(event.attributes.items()),
        )
    )


def _decode(body: bytes, decoder: "msgspec.json.Decoder[Any]") -> _Lenient:
    try:
        body.decode()
        decoded: _Lenient = decoder.decode(body)
    except UnicodeDecodeError as error:
        raise EventRejected(
            "invalid_utf8", "body", f"byte {error.start} is not UTF-8; encode the event as UTF-8"
        ) from None
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error), body) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid_json(str(error), body) from None
    return decoded


_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PERCENTILE = re.compile(r"p\d+(\.\d+)?|percentiles?|avg|mean|average", re.IGNORECASE)


def _invalid_field(message: str, body: bytes) -> EventRejected:
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    if path.startswith("latency") and _has_percentiles(body):
        return EventRejected(
            "percentiles_refused",
            "latency",
            "percentiles and averages cannot be added up; send bucket `bounds` and `counts`",
        )
    for pattern, code, text in (
        (_MISSING, "missing_field", "is required"),
        (_UNKNOWN, "unknown_field", "is not a field of a metric event; leave it out"),
    ):
        if name := pattern.search(what):
            return EventRejected(code, f"{path}.{name[1]}".strip(".") or "body", text)
    if path == "timestamp":
        return EventRejected(
            "invalid_timestamp", path, "must be RFC 3339 with an offset, as 2026-11-23T06:40:00Z"
        )
    return EventRejected("invalid_type", path or "body", what[:1].lower() + what[1:])


def _has_percentiles(body: bytes) -> bool:
    try:
        latency = msgspec.json.decode(body).get("latency")
    except (msgspec.DecodeError, RecursionError):
        return False  # the decoder stopped at the wrong field, before what is broken behind it
    return isinstance(latency, dict) and any(_PERCENTILE.fullmatch(key) for key in latency)


def _invalid_json(message: str, body: bytes) -> EventRejected:
    """Name the field where the JSON is broken by NaN or Infinity only, which many writers emit."""
    try:
        document = json.loads(body, parse_constant=lambda name: _NotANumber(name))
    except (ValueError, RecursionError):
        return EventRejected("invalid_json", "body", message)
    field = next((path or "body" for path in _not_numbers(document, "")), None)
    if field is None:
        return EventRejected("invalid_json", "body", "has a \\u escape that is half a character")
    return EventRejected("not_a_number", field, "must be a finite number; JSON has no NaN")


class _NotANumber(str):
    __slots__ = ()


def _not_numbers(value: object, path: str) -> list[str]:
    if isinstance(value, _NotANumber):
        return [path]
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in _not_numbers(v, f"{path}.{k}".lstrip("."))]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in _not_numbers(v, f"{path}[{i}]")]
    return []


def _check_names(raw: _Lenient) -> None:
    if not is_service_name(raw.service):
        raise EventRejected("invalid_service_name", "service", f"must match {SERVICE_NAME_PATTERN}")
    if raw.service in RESERVED_SERVICE_NAMES:
        raise EventRejected("reserved_service_name", "service", "is a reserved word; rename it")
    for field in ("source", "event_id"):
        text = getattr(raw, field)
        if len(text) > 128:
            raise EventRejected("too_long", field, "may have at most 128 characters")
        if _CONTROL.search(text):
            raise EventRejected(
                "control_character", field, "may not have control characters such as NUL"
            )


def _count(field: str, value: float) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise EventRejected("invalid_count", field, "must be a whole number")
    if not 0 <= value < COUNT_LIMIT:
        raise EventRejected("count_out_of_range", field, "must be at least 0 and below 2^53")
    return int(value)


def _bad(raw: _Lenient, total: int) -> int:
    if raw.bad is not None and raw.good is not None:
        raise EventRejected("good_and_bad", "good", "send either `good` or `bad`, not both")
    if raw.bad is None and raw.good is None:
        raise EventRejected("missing_field", "bad", "is required (or `good` instead of it)")
    field = "good" if raw.bad is None else "bad"
    value = _count(field, getattr(raw, field))
    if value > total:
        raise EventRejected(f"{field}_exceeds_total", field, "must not be above `total`")
    return total - value if field == "good" else value


def _utc(timestamp: datetime) -> datetime:
    try:
        return timestamp.astimezone(UTC)
    except OverflowError:
        raise EventRejected("invalid_timestamp", "timestamp", "is out of range") from None


def _window(value: float) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise EventRejected("invalid_window", "window_seconds", "must be a whole number")
    if not 1 <= value <= 3600:
        raise EventRejected("invalid_window", "window_seconds", "must be from 1 to 3600")
    return int(value)


def _latency(raw: _LenientLatency | None, total: int) -> Latency | None:
    if raw is None:
        return None
    bounds = raw.bounds
    if not 1 <= len(bounds) <= 64:
        raise EventRejected("invalid_latency_bounds", "latency.bounds", "needs 1 to 64 bounds")
    if bounds[0] <= 0 or any(b <= a for a, b in zip(bounds, bounds[1:], strict=False)):
        raise EventRejected(
            "invalid_latency_bounds", "latency.bounds", "must be above 0 and strictly rising"
        )
    if len(raw.counts) != len(bounds) + 1:
        raise EventRejected(
            "latency_counts_mismatch",
            "latency.counts",
            f"needs {len(bounds) + 1} counts, one more than the bounds; it has {len(raw.counts)}",
        )
    counts = tuple(_count(f"latency.counts[{i}]", c) for i, c in enumerate(raw.counts))
    if sum(counts) != total:
        raise EventRejected(
            "latency_counts_mismatch",
            "latency.counts",
            f"must sum to `total` ({total}), not {sum(counts)}; they are not cumulative",
        )
    return Latency(tuple(bounds), counts)


def _attributes(raw: dict[str, str] | UnsetType) -> dict[str, str]:
    if raw is UNSET:
        return {}
    if len(raw) > 16:
        raise EventRejected("too_many_attributes", "attributes", "may have at most 16 entries")
    for key, value in raw.items():
        field = f"attributes.{key[:64]}"
        if len(key) > 64 or len(value) > 256:
            raise EventRejected("too_long", field, "names 64, values 256 characters at most")
        if _CONTROL.search(key) or _CONTROL.search(value):
            raise EventRejected(
                "control_character", field, "may not have control characters such as NUL"
            )
    return raw
