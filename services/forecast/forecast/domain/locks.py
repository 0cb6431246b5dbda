"""When what blocks releases now will end: a frozen level, or a spent budget. Pure.

Minutes are numbered from the one that holds now; an end is the end of a minute, at which windows
of 10 s buckets and of minutes begin at the same instant.
"""

from collections.abc import Sequence

import numpy as np

from common.arrays import Floats
from common.slo.arithmetic import WEIGHTS
from common.slo.risk import RISK_BOUNDARIES
from common.slo.vocabulary import RiskLevel


def level_lock_minutes(
    minutes: Floats,
    window_minutes: Sequence[int],
    allowed_ratio: float,
    requests: Floats,
    error_ratio: float,
) -> int | None:
    """Return after how many minutes' ends the composite burn rate is at most 2; None: never.

    `minutes` is [total or bad, minutes so far], at least the longest window; `requests` are those
    expected in each minute to come, of which `error_ratio` are bad. `window_minutes` are the
    windows of the composite, shortest first. Once the longest one holds nothing but minutes to
    come, all that follows is the same.
    """
    to_come = np.stack([requests, requests * error_ratio])[:, : max(window_minutes)]
    running = np.cumsum(np.hstack([np.zeros((2, 1)), minutes, to_come]), axis=1)
    now = minutes.shape[1]
    composite = np.zeros(to_come.shape[1] + 1)
    ends = running[:, now:]
    for weight, length in zip(WEIGHTS, window_minutes, strict=True):
        sums = ends - running[:, now - length : now - length + ends.shape[1]]
        total, bad = np.maximum(sums, 0)
        composite += float(weight) * bad / np.where(total > 0, total, np.inf) / allowed_ratio
    free = composite <= RISK_BOUNDARIES[RiskLevel.FREEZE]
    return int(free.argmax()) if free.any() else None


def spread_over_minutes(hourly: Floats, first_hours: float, minutes: int) -> Floats:
    """Return requests by minute from requests per hour; the first hour is that far from over."""
    hour = np.ceil((np.arange(minutes) + 1) / 60 - first_hours).astype(np.int64)
    found: Floats = hourly[np.clip(hour, 0, len(hourly) - 1)] / 60
    return found
