"""Validate metric events: the same checks for HTTP, Kafka and files, each with a code.

`parse_metric_event` checks the content, `check_time` the timestamp against the time of arrival.
"""

from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import UNSET, UnsetType

from common.admission.decoding import EventRejected, RawEvent, RawLatency, decode_event
from common.admission.fields import (
    MAX_EVENT_BYTES,
    MAX_FUTURE,
    check_body,
    check_indicator,
    check_name,
    check_not_in_future,
    check_text,
    has_control_character,
    utc,
)
from common.events import (
    COUNT_LIMIT,
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTE_NAME_LENGTH,
    MAX_ATTRIBUTES,
    MAX_BOUNDS,
    MAX_WINDOW_SECONDS,
    Latency,
    MetricEvent,
)
from common.slo.vocabulary import LONGEST_WINDOW_DAYS

__all__ = [
    "HISTORY_AGE",
    "MAX_EVENT_BYTES",
    "MAX_FUTURE",
    "EventRejected",
    "check_time",
    "parse_metric_event",
]

HISTORY_AGE = timedelta(days=LONGEST_WINDOW_DAYS)


def parse_metric_event(body: bytes | None, *, forbid_unknown: bool = False) -> MetricEvent:
    """Return the event with `bad` filled in; raise EventRejected for any other bytes.

    Unknown fields are ignored unless `forbid_unknown`.
    """
    raw = decode_event(check_body(body), forbid_unknown=forbid_unknown)
    check_name(raw.service)
    check_indicator(raw.indicator)
    check_text("source", raw.source)
    check_text("event_id", raw.event_id)
    total = _count("total", raw.total)
    return MetricEvent(
        service=raw.service,
        timestamp=utc("timestamp", raw.timestamp),
        total=total,
        bad=_bad(raw, total),
        source=raw.source,
        event_id=raw.event_id,
        window_seconds=_window(raw.window_seconds),
        latency=latency_of(raw.latency, total),
        attributes=attributes_of(raw.attributes),
        indicator=raw.indicator,
    )


def check_time(
    timestamp: datetime, at: datetime, lateness: timedelta, slack: timedelta = timedelta()
) -> None:
    """Raise EventRejected where the event came too late or lies in the future.

    `at` is when the event arrived, or when the broker took its record, so that a replay is
    treated the same: there `slack` is APPEND_SLACK.
    """
    check_not_in_future("timestamp", timestamp, at)
    if timestamp < at - lateness - slack:
        hours = lateness.total_seconds() / 3600
        raise EventRejected(
            "timestamp",
            "timestamp_too_old",
            f"is more than {hours:g} hours before its arrival; send older history with "
            "`burnline import`"
            if lateness < HISTORY_AGE
            else f"is more than {hours / 24:g} days before its arrival, the longest SLO window",
        )


def _count(field: str, value: float) -> int:
    if value % 1:
        raise EventRejected(field, "invalid_count", "must be a whole number")
    if not 0 <= value < COUNT_LIMIT:
        raise EventRejected(field, "count_out_of_range", "must be at least 0 and below 2^53")
    return int(value)


def _bad(raw: RawEvent, total: int) -> int:
    if raw.bad is not None and raw.good is not None:
        raise EventRejected("good", "good_and_bad", "send either `good` or `bad`, not both")
    if raw.bad is None and raw.good is None:
        raise EventRejected("bad", "missing_field", "is required (or `good` instead of it)")
    field = "good" if raw.bad is None else "bad"
    value = _count(field, getattr(raw, field))
    if value > total:
        raise EventRejected(field, f"{field}_exceeds_total", "must not be above `total`")
    return total - value if field == "good" else value


def _window(value: float) -> int:
    if value % 1:
        raise EventRejected("window_seconds", "invalid_window", "must be a whole number")
    if not 1 <= value <= MAX_WINDOW_SECONDS:
        raise EventRejected(
            "window_seconds", "invalid_window", f"must be from 1 to {MAX_WINDOW_SECONDS}"
        )
    return int(value)


def latency_of(raw: RawLatency | None, total: int) -> Latency | None:
    if raw is None:
        return None
    bounds = raw.bounds
    if not 1 <= len(bounds) <= MAX_BOUNDS:
        raise EventRejected(
            "latency.bounds", "invalid_latency_bounds", f"needs 1 to {MAX_BOUNDS} bounds"
        )
    if bounds[0] <= 0 or any(b <= a for a, b in pairwise(bounds)):
        raise EventRejected(
            "latency.bounds", "invalid_latency_bounds", "must be above 0 and strictly rising"
        )
    if len(raw.counts) != len(bounds) + 1:
        raise EventRejected(
            "latency.counts",
            "latency_counts_mismatch",
            f"needs {len(bounds) + 1} counts, one more than the bounds; it has {len(raw.counts)}",
        )
    counts = tuple(_count(f"latency.counts[{i}]", c) for i, c in enumerate(raw.counts))
    if sum(counts) != total:
        raise EventRejected(
            "latency.counts",
            "latency_counts_mismatch",
            f"must sum to `total` ({total}), not {sum(counts)}; they are not cumulative",
        )
    return Latency(tuple(bounds), counts)


def attributes_of(raw: dict[str, str] | UnsetType) -> dict[str, str]:
    if raw is UNSET:
        return {}
    if len(raw) > MAX_ATTRIBUTES:
        raise EventRejected(
            "attributes", "too_many_attributes", f"may have at most {MAX_ATTRIBUTES} entries"
        )
    for key, value in raw.items():
        field = f"attributes.{key[:MAX_ATTRIBUTE_NAME_LENGTH]}"
        if len(key) > MAX_ATTRIBUTE_NAME_LENGTH or len(value) > MAX_ATTRIBUTE_LENGTH:
            raise EventRejected(
                field,
                "too_long",
                f"names may have {MAX_ATTRIBUTE_NAME_LENGTH} characters, "
                f"values {MAX_ATTRIBUTE_LENGTH}",
            )
        if has_control_character(key) or has_control_character(value):
            raise EventRejected(
                field, "control_character", "may not have control characters such as NUL"
            )
    return raw
