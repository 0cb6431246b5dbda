"""What Prometheus sees of who is let in."""

from typing import Final

from prometheus_client import Counter

REFUSALS: Final = Counter(
    "burnline_http_refusals", "Requests refused for who sent them or how often", ["code"]
)
