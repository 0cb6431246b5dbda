"""Prometheus metrics of the forecast service, and how to read them."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

FORECASTS_MADE: Final = Counter("burnline_forecast_forecasts", "Forecasts published")
FAILED: Final = Counter(
    "burnline_forecast_failed", "Services whose snapshot made no sense; the log names them"
)
OVERDUE: Final = Gauge(
    "burnline_forecast_overdue", "Services left for the next tick because too many were due"
)
TICK_SECONDS: Final = Histogram(
    "burnline_forecast_tick_seconds", "Time to read counts, forecast and publish what is due"
)
