"""The span and step of a history, as they come in a query."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from api_gateway.http.problems import invalid
from common.config.clock import MICROSECONDS, to_micros, whole_seconds
from common.slo.vocabulary import LONGEST_WINDOW_DAYS

SPAN_DEFAULT = timedelta(hours=24)
SPAN_KEPT = timedelta(days=LONGEST_WINDOW_DAYS)
STEP_DEFAULT = "5m"
EARLIEST = datetime.min.replace(tzinfo=UTC)
MINUTE = 60
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_STEP_PATTERN = "[1-9][0-9]{0,6}[smhd]"
_STEP = re.compile(r"(?P<count>[1-9]\d{0,6})(?P<unit>[smhd])", re.ASCII)
RFC_3339_FORMAT = {"format": "date-time"}

FromQuery = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=64,
        description="RFC 3339 with an offset; default 24 h before `to`; at most 90 d ago",
        examples=["2026-11-23T00:00:00Z"],
        json_schema_extra=RFC_3339_FORMAT,
    ),
]
ToQuery = Annotated[
    str | None,
    Query(
        alias="to",
        max_length=64,
        description="RFC 3339; default and latest: now",
        json_schema_extra=RFC_3339_FORMAT,
    ),
]
StepQuery = Annotated[
    str,
    Query(
        max_length=16,
        json_schema_extra={"pattern": f"^{_STEP_PATTERN}$"},
        description="Whole minutes, as `5m`, `1h` or `1d`. Made whole hours where only hours are "
        "kept (older than 48 h), and a multiple where there would be more than 1000 steps",
    ),
]


@dataclass(frozen=True, slots=True)
class Span:
    """Whole seconds since 1970, and seconds between two points."""

    since: int
    until: int
    step_seconds: int


def span(from_: str | None, to: str | None, step: str, now: datetime) -> Span:
    """Return the span that is asked for, cut to what is kept; a 422 problem names the field."""
    since, until = instants(from_, to, now)
    return Span(to_micros(since) // MICROSECONDS, whole_seconds(until), _step_seconds(step))


def instants(from_: str | None, to: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last instant asked for; a 422 problem names the field."""
    until = min(instant("to", to) if to is not None else now, now)
    since = instant("from", from_) if from_ is not None else _before(until, SPAN_DEFAULT)
    if since >= until:
        raise invalid("from", "empty_span", "must be before `to`, and `to` is at most now")
    since = max(since, now - SPAN_KEPT)
    return since, max(until, since)


def _before(instant: datetime, span: timedelta) -> datetime:
    return instant - min(span, instant - EARLIEST)


def instant(field: str, value: str) -> datetime:
    """Return the instant in a query; a 422 problem names the field."""
    plain = value.replace(" ", "+")  # a plus that was not escaped in the query
    fault = invalid(
        field,
        "invalid_timestamp",
        "must be RFC 3339 with an offset, as 2026-11-23T06:40:00Z (a `+` is written %2B)",
    )
    if not _RFC_3339.fullmatch(plain):
        raise fault
    try:
        return datetime.fromisoformat(plain.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise fault from None


def _step_seconds(value: str) -> int:
    found = _STEP.fullmatch(value)
    seconds = int(found["count"]) * UNIT_SECONDS[found["unit"]] if found else 0
    longest = int(SPAN_KEPT.total_seconds())
    if not MINUTE <= seconds <= longest or seconds % MINUTE:
        raise invalid(
            "step", "invalid_step", "must be whole minutes from `1m` to `90d`, as `5m` or `1h`"
        )
    return seconds
