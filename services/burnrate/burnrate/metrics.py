"""Prometheus metrics of the burnrate service, and how to read them."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS: Final = Counter(
    "burnline_burnrate_records", "Records read from the input topics, by result", ["result"]
)
DEAD_LETTERS: Final = Counter(
    "burnline_burnrate_dead_letters", "Records with wrong content, by code", ["code"]
)
MARK_HOURS_READ: Final = Counter(
    "burnline_burnrate_mark_hours_read", "Hours of marks that were read into memory"
)
SNAPSHOTS: Final = Counter("burnline_burnrate_snapshots", "Snapshots published")
OWNED_SHARDS: Final = Gauge("burnline_burnrate_owned_shards", "Shards that this process holds")
REFUSED_SHARDS: Final = Gauge(
    "burnline_burnrate_refused_shards", "Shards that stand still until someone has looked"
)
BUFFERED_RECORDS: Final = Gauge(
    "burnline_burnrate_buffered_records", "Records that are read and not applied yet"
)
BUFFERED_BYTES: Final = Gauge(
    "burnline_burnrate_buffered_bytes", "Bytes of the keys and values of the buffered records"
)
READING_PAUSED: Final = Gauge(
    "burnline_burnrate_reading_paused", "1 while nothing is read because too much is buffered"
)
LAG_SECONDS: Final = Gauge(
    "burnline_burnrate_lag_seconds", "Age of the oldest record that may be unapplied", ["shard"]
)
TICK_SECONDS: Final = Histogram(
    "burnline_burnrate_tick_seconds", "Time to evaluate and publish all owned shards"
)
