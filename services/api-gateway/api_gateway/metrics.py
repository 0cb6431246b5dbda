"""Prometheus metrics of the gateway; those of the SLOs themselves are made in `slo_metrics.py`."""

from typing import Final

from prometheus_client import Counter, Gauge

RECORDS: Final = Counter("burnline_gateway_records", "Records read, by topic", ["topic"])
LOOKUPS: Final = Counter(
    "burnline_gateway_shared_answers", "Answers asked of the shared cache, by outcome", ["outcome"]
)
PHRASINGS: Final = Counter(
    "burnline_gateway_phrasings", "Texts asked of the language model, by outcome", ["outcome"]
)
STREAM_CLIENTS: Final = Gauge(
    "burnline_gateway_stream_clients", "Clients that follow /api/stream on this process"
)
AUDIT_ENTRY: Final = Gauge(
    "burnline_gateway_audit_entry", "Number of the newest audit entry that this process has written"
)
CAUGHT_UP: Final = Gauge(
    "burnline_gateway_caught_up", "1 once the result topics are read to where they ended at start"
)
