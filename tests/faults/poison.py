"""Records whose content is wrong, one kind for each way, with the code that they must get."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Fields = dict[str, Any]


def _at(at: datetime) -> str:
    return at.isoformat()


def _with(**wrong: Any) -> Callable[[Fields, datetime], bytes]:
    return lambda fields, _: json.dumps({**fields, **wrong}).encode()


def _shifted(delta: timedelta) -> Callable[[Fields, datetime], bytes]:
    return lambda fields, now: json.dumps({**fields, "timestamp": _at(now + delta)}).encode()


def _naive(fields: Fields, now: datetime) -> bytes:
    return json.dumps({**fields, "timestamp": _at(now.replace(tzinfo=None))}).encode()


def _without(name: str) -> Callable[[Fields, datetime], bytes]:
    return lambda fields, _: json.dumps({k: v for k, v in fields.items() if k != name}).encode()


KINDS: Final[dict[str, tuple[str, Callable[[Fields, datetime], bytes | None]]]] = {
    "broken JSON": ("invalid_json", lambda fields, _: json.dumps(fields).encode()[:-2]),
    "no JSON": ("invalid_json", lambda *_: b"{bad"),
    "empty": ("invalid_json", lambda *_: b""),
    "no UTF-8": ("invalid_utf8", lambda *_: b'{"service":"\xff\xfe"}'),
    "null value": ("null_value", lambda *_: None),
    "more bad than total": ("bad_exceeds_total", _with(total=3, bad=4)),
    "NaN": ("not_a_number", _with(total=float("nan"))),
    "negative": ("count_out_of_range", _with(bad=-1)),
    "huge": ("count_out_of_range", _with(total=2**53)),
    "no whole number": ("invalid_count", _with(total=10.5)),
    "text for a number": ("invalid_type", _with(total="10")),
    "no time zone": ("invalid_timestamp", _naive),
    "future": ("timestamp_in_future", _shifted(timedelta(minutes=12))),
    "too old": ("timestamp_too_old", _shifted(-timedelta(hours=30))),
    "bad name": ("invalid_service_name", _with(service="Not A Name")),
    "reserved name": ("reserved_service_name", _with(service="heatmap")),
    "no total": ("missing_field", _without("total")),
}
"""By kind: the code, and a function of an event's good fields and the present time."""


def poison(kind: str, fields: Fields) -> tuple[str, bytes | None]:
    """Return code and value of a wrong record, made from a good event's fields."""
    code, make = KINDS[kind]
    return code, make(fields, datetime.now(UTC))
