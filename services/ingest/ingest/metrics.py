"""Prometheus metrics of the ingest service."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "burnline_ingest_events",
    "Events by what became of them; code is the reason of a refusal, else empty",
    ["result", "code"],
)
CHANGE_EVENTS = Counter(
    "burnline_ingest_changes",
    "Change events by what became of them; code is the reason of a refusal, else empty",
    ["result", "code"],
)
REFUSED_EVENTS = Counter(
    "burnline_ingest_refused_events",
    "Events that were refused, by reason and by the credential that sent them",
    ["code", "sender"],
)
IN_FLIGHT = Gauge(
    "burnline_ingest_in_flight_events", "Events that wait for the broker's acknowledgement"
)
PUBLISH_SECONDS = Histogram(
    "burnline_ingest_publish_seconds", "From the first send of a request to its last answer"
)
SIMULATED = Counter("burnline_simulator_events", "Events that the simulator published", ["topic"])
