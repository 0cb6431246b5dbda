"""Prometheus metrics of the gate, and how to read them."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

DECISIONS: Final = Counter(
    "burnline_gate_decisions",
    "Decisions that said something new, by that for features",
    ["decision"],
)
CHANGES: Final = Counter(
    "burnline_gate_changes", "Records read from the changes topic, by result", ["result"]
)
DEAD_LETTERS: Final = Counter(
    "burnline_gate_dead_letters", "Records with wrong content, by code", ["code"]
)
OWNED_SHARDS: Final = Gauge("burnline_gate_owned_shards", "Shards that this process holds")
REFUSED_SHARDS: Final = Gauge(
    "burnline_gate_refused_shards", "Shards that stand still until someone has looked"
)
TICK_SECONDS: Final = Histogram(
    "burnline_gate_tick_seconds", "Time to decide on what is due, store and publish it"
)
