"""How busy a service is through the day and the week, and how long its requests take."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

DAY_SECONDS = 86_400
BOUNDS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Bounds of the latency histogram; every latency target of the demonstration is one of them."""

_PEAK_HOUR, _SWING = 15, 0.6
_WEEKDAY_FACTORS = np.array([1.0, 1.0, 1.02, 1.05, 1.1, 0.75, 0.65])  # Monday first
_MONDAY = 4 * DAY_SECONDS  # 1970-01-05
_TAIL = 4.0  # exponent of the log-logistic distribution; a greater one has fewer slow requests


def load_ratio(instants: Values) -> Values:
    """Return traffic relative to a weekday's mean; `instants` are seconds since 1970, UTC."""
    hours = instants % DAY_SECONDS / 3600
    day_shape = 1 + _SWING * np.cos((hours - _PEAK_HOUR) * (2 * np.pi / 24))
    # a day's factor holds at noon and goes over to the next one's, so that midnight has no step
    days = (instants - _MONDAY) / DAY_SECONDS
    week_shape = np.interp(days, np.arange(7) + 0.5, _WEEKDAY_FACTORS, period=7)
    ratio: Values = day_shape * week_shape
    return ratio


def bucket_shares(medians_seconds: Values) -> Values:
    """Return, for each median, the share of requests in each latency bucket; rows sum to 1."""
    bounds = np.array(BOUNDS_SECONDS)
    within = 1 / (1 + (medians_seconds[:, None] / bounds[None, :]) ** _TAIL)
    edges = np.zeros((len(medians_seconds), 1))
    shares: Values = np.diff(np.hstack([edges, within, edges + 1]), axis=1)
    return shares
