"""Every payload that crosses Kafka, spelled once. JSON on the wire, RFC 3339 in UTC."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from common.slo import SERVICE_NAME_PATTERN, DataStatus, RiskLevel, SliType

COUNT_LIMIT = 2**53
"""Counts are below this, so that every JSON reader holds them exactly."""

MAX_TEXT_LENGTH = 128
MAX_WINDOW_SECONDS = 3600
MAX_BOUNDS = 64
MAX_ATTRIBUTES = 16
MAX_ATTRIBUTE_NAME_LENGTH = 64
MAX_ATTRIBUTE_LENGTH = 256

_PLAIN = r"^[^\u0000-\u001f\u007f]*$"  # no control characters: PostgreSQL holds no NUL

Count = Annotated[int, Meta(ge=0, lt=COUNT_LIMIT)]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, sent in UTC")]
ServiceName = Annotated[str, Meta(pattern=SERVICE_NAME_PATTERN)]
Ratio = Annotated[float, Meta(description="A ratio: 0.01 is one per cent")]
BurnRate = Annotated[float, Meta(description="1 spends the budget in exactly the SLO window")]
Bound = Annotated[float, Meta(gt=0, description="Seconds")]
Seconds = Annotated[int, Meta(description="Seconds")]
AttributeName = Annotated[str, Meta(max_length=MAX_ATTRIBUTE_NAME_LENGTH, pattern=_PLAIN)]
AttributeValue = Annotated[str, Meta(max_length=MAX_ATTRIBUTE_LENGTH, pattern=_PLAIN)]


def _text(description: str) -> Meta:
    return Meta(max_length=MAX_TEXT_LENGTH, pattern=_PLAIN, description=description)


class Latency(Struct, frozen=True):
    """Requests by duration: `counts[i]` are those above `bounds[i-1]` and up to `bounds[i]`.

    Bounds in seconds, strictly rising; one count more than bounds, the last for what is slower
    than every bound; counts are not cumulative and sum to the event's `total`. Percentiles and
    averages are refused: they cannot be added up.
    """

    bounds: Annotated[tuple[Bound, ...], Meta(min_length=1, max_length=MAX_BOUNDS)]
    counts: Annotated[tuple[Count, ...], Meta(min_length=2, max_length=MAX_BOUNDS + 1)]


class MetricEvent(Struct, frozen=True, omit_defaults=True):
    """What happened to a service in the `window_seconds` that end at `timestamp`.

    Counts are deltas, never running totals. Either `bad` or `good` is sent; what has been
    admitted has `bad`. Two events with the same service, source and event_id are one; without an
    event_id the content takes its place, so `source` or `event_id` must be there. Unknown fields
    are ignored on Kafka and refused over HTTP.
    """

    service: Annotated[ServiceName, Meta(description="The record's key as well")]
    timestamp: Annotated[
        datetime,
        Meta(
            tz=True,
            description="End of the window, RFC 3339 with an offset; at most 5 minutes "
            "after the broker takes the record and, by default, 24 hours before",
        ),
    ]
    total: Annotated[Count, Meta(description="Requests in the window")]
    bad: Annotated[Count, Meta(description="Failed requests, at most `total`")] | None = None
    good: Annotated[Count, Meta(description="Instead of `bad`, at most `total`")] | None = None
    source: Annotated[str, _text("Who counted, for example a proxy's name")] = ""
    event_id: Annotated[str, _text("Unique for the service and the source")] = ""
    window_seconds: Annotated[Seconds, Meta(ge=1, le=MAX_WINDOW_SECONDS)] = 10
    latency: Latency | None = None
    attributes: Annotated[
        dict[AttributeName, AttributeValue],
        Meta(max_length=MAX_ATTRIBUTES, description="Free text, not used in any sum"),
    ] = {}


class WindowRate(Struct, frozen=True):
    """One burn window of one objective: its counts and its burn rate (a multiple of 1)."""

    window_seconds: Seconds
    total: int
    bad: int
    burn_rate: BurnRate


class BurnPair(Struct, frozen=True):
    """A pair of windows of the SRE workbook; `burn_rate` is the lesser of the two."""

    long_seconds: Seconds
    short_seconds: Seconds
    threshold: float
    burn_rate: BurnRate


class SloStatus(Struct, frozen=True):
    """One objective evaluated: ratios are 0..1, remaining is negative when overspent."""

    id: int | None
    name: str
    sli_type: SliType
    objective: Ratio
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: float | None
    min_bad_events: int
    default: bool
    revision: int
    total: int
    bad: int
    burn_rate_5m: BurnRate
    burn_rate_1h: BurnRate
    burn_rate_24h: BurnRate
    composite_burn_rate: BurnRate
    error_budget_consumed: Ratio
    error_budget_remaining: Ratio
    risk_level: RiskLevel
    risk_capped: bool
    data_status: DataStatus
    coverage_ratio: Ratio
    windows: dict[str, WindowRate]
    burn_pairs: tuple[BurnPair, ...]


class IngestCounters(Struct, frozen=True):
    """What was odd about a service's events since it was first seen."""

    duplicates: int = 0
    event_id_conflicts: int = 0
    unidentified: int = 0
    misrouted: int = 0


class BurnRateSnapshot(Struct, frozen=True, tag_field="type", tag="burn_rate_snapshot"):
    """A service at one instant, that of its worst objective, with all of them in `slos`.

    Of two snapshots of a service the one with the greater (epoch, evaluated_at) holds.
    """

    service_name: ServiceName
    shard: int
    epoch: int
    evaluated_at: Instant
    applied_through: Instant
    data_status: DataStatus
    risk_level: RiskLevel
    burn_rate_5m: BurnRate
    burn_rate_1h: BurnRate
    burn_rate_24h: BurnRate
    composite_burn_rate: BurnRate
    error_budget_consumed: Ratio
    error_budget_remaining: Ratio
    resolution_seconds: Seconds
    short_window_seconds: Seconds
    stale_after_seconds: Seconds
    newest_at: Instant | None
    counters: IngestCounters
    slos: tuple[SloStatus, ...]
    command_id: str | None = None


class ShardHeartbeat(Struct, frozen=True, tag_field="type", tag="shard_heartbeat"):
    """The owner of a shard is alive: what it last published still holds.

    With a `command_id` it follows, in the same partition, the last snapshot of that command.
    """

    shard: int
    epoch: int
    evaluated_at: Instant
    applied_through: Instant
    services: int
    command_id: str | None = None


class ServiceChanged(Struct, frozen=True, tag_field="type", tag="service_changed"):
    """A service as its owner wants it. The greater `revision` holds."""

    revision: int
    id: int
    name: ServiceName
    tier: Literal[1, 2, 3]
    owner: str
    description: str | None
    retired: bool


class TargetChanged(Struct, frozen=True, tag_field="type", tag="target_changed"):
    """An objective as its owner wants it. `objective` is a ratio written as a decimal string."""

    revision: int
    id: int
    service_name: ServiceName
    name: str
    sli_type: SliType
    objective: str
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: str | None
    min_bad_events: int
    retired: bool


class ComputeRequested(Struct, frozen=True, tag_field="type", tag="compute_requested"):
    """Evaluate and publish now, for one service or (None) for all."""

    command_id: str
    service_name: str | None
    requested_at: Instant


class DeadLetter(Struct, frozen=True):
    """A record whose content is wrong, as it was, and why.

    `key` and `value` are base64, None for null; of a value of more than 256 KiB the beginning,
    `value_bytes` tells its whole length.
    """

    code: str
    field: str
    detail: str
    topic: str
    partition: int
    offset: int
    appended_at: Instant
    key: str | None
    value: str | None
    value_bytes: int | None
    correlation_id: str | None = None


BurnRateMessage = BurnRateSnapshot | ShardHeartbeat
CatalogMessage = ServiceChanged | TargetChanged
Event = MetricEvent | BurnRateMessage | CatalogMessage | ComputeRequested | DeadLetter

_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """Return the event as it goes over the wire."""
    return _encoder.encode(event)
