"""Prometheus metrics of the gate."""

from typing import Final

from prometheus_client import Counter, Histogram

DECISIONS: Final = Counter(
    "burnline_gate_decisions",
    "Decisions that said something new, by that for features; OVERRIDDEN where a person decided",
    ["decision"],
)
CHANGES: Final = Counter(
    "burnline_gate_changes", "Records read from the changes topic, by result", ["result"]
)
TICK_SECONDS: Final = Histogram(
    "burnline_gate_tick_seconds", "Time to decide on what is due, store and publish it"
)
