"""Prometheus metrics of the burnrate service, and how to read them."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS: Final = Counter(
    "burnline_burnrate_records",
    "Records of the input topics by result; those that are neither of the others count",
    ["result"],
)
NEWEST_EVENT: Final = Gauge(
    "burnline_burnrate_newest_event_timestamp_seconds",
    "Newest timestamp of an event that this process has counted, by shard",
    ["shard"],
)
DEDUP_KEY_HOURS_READ: Final = Counter(
    "burnline_burnrate_mark_hours_read", "Hours of dedup keys that were read into memory"
)
SNAPSHOTS: Final = Counter("burnline_burnrate_snapshots", "Snapshots published")
TICK_SECONDS: Final = Histogram(
    "burnline_burnrate_tick_seconds", "Time to evaluate and publish all owned shards"
)

_newest: dict[int, float] = {}


def note_newest_event(shard: int, timestamp_seconds: float) -> None:
    """Remember the newest timestamp of a shard; what comes late does not move it back."""
    _newest[shard] = max(timestamp_seconds, _newest.get(shard, timestamp_seconds))
    NEWEST_EVENT.labels(str(shard)).set(_newest[shard])


def forget_newest_event(shard: int) -> None:
    """Expose nothing of a shard that is not held any more."""
    if _newest.pop(shard, None) is not None:
        NEWEST_EVENT.remove(str(shard))
