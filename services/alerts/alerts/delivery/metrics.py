"""Prometheus metrics of delivery."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS: Final = Counter(
    "burnline_alerts_delivery_attempts",
    "Attempts to deliver, by channel, its kind, and outcome (delivered, failed, given_up)",
    ["channel", "kind", "outcome"],
)
IN_FLIGHT: Final = Gauge("burnline_alerts_deliveries_in_flight", "Attempts that are being made")
DELAY_SECONDS: Final = Histogram(
    "burnline_alerts_delivery_delay_seconds",
    "Time from the decision to the attempt that delivered it",
    buckets=(0.1, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)
