"""Every payload that crosses Kafka, spelled once. JSON on the wire, RFC 3339 in UTC."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from common.slo import SERVICE_NAME_PATTERN, DataStatus, RiskLevel, SliType

COUNT_LIMIT = 2**53
"""Counts are below this, so that every JSON reader holds them exactly."""

IMPORT_ID_HEADER = "import_id"
"""Which import a record of the history topic belongs to."""
IMPORT_LINE_HEADER = "import_line"
"""Its line, rising within a partition: what is not above the highest applied is a repeat."""
FORWARDED_FROM_HEADER = "forwarded_from"
"""Partition and offset, `3:1200`, where a record that went to the wrong shard first stood."""
FORWARDED_AT_HEADER = "forwarded_appended_at"
"""When the broker first took a forwarded record, in milliseconds since 1970."""

Count = Annotated[int, Meta(ge=0, lt=COUNT_LIMIT)]
Instant = Annotated[datetime, Meta(tz=True)]
ServiceName = Annotated[str, Meta(pattern=SERVICE_NAME_PATTERN)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Latency(Struct, frozen=True):
    """Requests by duration: `counts[i]` are those above `bounds[i-1]` and up to `bounds[i]`.

    Bounds in seconds, rising; one count more than bounds; the counts sum to the event's total.
    """

    bounds: Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(min_length=1, max_length=64)]
    counts: Annotated[tuple[Count, ...], Meta(min_length=2, max_length=65)]


class MetricEvent(Struct, frozen=True, omit_defaults=True):
    """What happened to a service in the `window_seconds` that end at `timestamp`.

    `good` may stand instead of `bad` on the way in; what has been admitted always has `bad`.
    """

    service: ServiceName
    timestamp: Instant
    total: Count
    bad: Count | None = None
    good: Count | None = None
    source: Annotated[str, Meta(max_length=128)] = ""
    event_id: Annotated[str, Meta(max_length=128)] = ""
    window_seconds: Annotated[int, Meta(ge=1, le=3600)] = 10
    latency: Latency | None = None
    attributes: Annotated[dict[str, str], Meta(max_length=16)] = {}


class WindowRate(Struct, frozen=True):
    """One burn window of one objective: its counts and its burn rate (a multiple of 1)."""

    window_seconds: int
    total: int
    bad: int
    burn_rate: float


class BurnPair(Struct, frozen=True):
    """A pair of windows of the SRE workbook; `burn_rate` is the lesser of the two."""

    long_seconds: int
    short_seconds: int
    threshold: float
    burn_rate: float


class SloStatus(Struct, frozen=True):
    """One objective evaluated: ratios are 0..1, remaining is negative when overspent."""

    id: int | None
    name: str
    sli_type: SliType
    objective: float
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: float | None
    min_bad_events: int
    default: bool
    revision: int
    total: int
    bad: int
    burn_rate_5m: float
    burn_rate_1h: float
    burn_rate_24h: float
    composite_burn_rate: float
    error_budget_consumed: float
    error_budget_remaining: float
    risk_level: RiskLevel
    risk_capped: bool
    data_status: DataStatus
    coverage_ratio: float
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
    burn_rate_5m: float
    burn_rate_1h: float
    burn_rate_24h: float
    composite_burn_rate: float
    error_budget_consumed: float
    error_budget_remaining: float
    resolution_seconds: int
    short_window_seconds: int
    stale_after_seconds: int
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
    """A record whose content is wrong, as it was, and why. `value` is base64, None for null."""

    code: str
    field: str
    detail: str
    topic: str
    partition: int
    offset: int
    appended_at: Instant
    key: str | None
    value: str | None
    correlation_id: str | None = None


BurnRateMessage = BurnRateSnapshot | ShardHeartbeat
CatalogMessage = ServiceChanged | TargetChanged
Event = MetricEvent | BurnRateMessage | CatalogMessage | ComputeRequested | DeadLetter

_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """Return the event as it goes over the wire."""
    return _encoder.encode(event)
