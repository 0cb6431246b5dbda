"""The windows over which burn is measured, and the workbook's pairs of them. Pure.

Where a window begins and ends has one rule, for live figures as for those of the past. Counts
stand in buckets (start, end], shorter ones for shorter windows (`bucket_seconds`). At an instant
the newest bucket is the one that holds it, and a window is that bucket and those before it, as
many as the window is long: it begins at a bucket's edge (`window_begins`), so that no bucket
counts in part, and it is up to a bucket shorter than its name says.
"""

from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np

from common.arrays import Ints
from common.slo.arithmetic import allowed_ratio

MINUTE, HOUR, DAY = 60, 3600, 86_400

BUCKETS: Final = (10, MINUTE, HOUR)
"""The lengths of buckets, in seconds."""
_LONGEST_WINDOWS = (HOUR, DAY)  # that the first and the second of them serve

BURN_WINDOWS: Final = {"5m": 5 * MINUTE, "1h": HOUR, "24h": DAY}
"""The windows of the composite burn rate by their names in events, shortest first (seconds)."""
SHORT_WINDOW_SECONDS: Final = BURN_WINDOWS["5m"]
SHORTEST_REPORTS: Final = 2
"""No window is shorter than so many reports of its service."""

_BURN_PAIRS = (  # long window, short window, share of the budget spent in the long one
    (1 * HOUR, 5 * MINUTE, Fraction(2, 100)),
    (6 * HOUR, 30 * MINUTE, Fraction(5, 100)),
    (24 * HOUR, 2 * HOUR, Fraction(10, 100)),
    (72 * HOUR, 6 * HOUR, Fraction(10, 100)),
)
BURN_PAIRS: Final = tuple((long, short) for long, short, _ in _BURN_PAIRS)
"""Windows (long, short) that must both burn fast, in seconds."""
PAIR_WINDOWS: Final = {"30m": 30 * MINUTE, "2h": 2 * HOUR, "6h": 6 * HOUR, "3d": 3 * DAY}
"""The windows of the pairs that the composite does not have, by name (seconds)."""


@dataclass(frozen=True, slots=True)
class PairRule:
    """Two windows that must both burn faster than `threshold` (a multiple of 1)."""

    long_seconds: int
    short_seconds: int
    threshold: float


def pair_rules(objective: Decimal, window_days: int) -> tuple[PairRule, ...]:
    """Return the workbook's pairs for an SLO window: 14.4, 6, 3 and 1 for 30 days.

    The threshold is the burn rate that spends the share in the long window. A pair that even
    total failure cannot reach, at 1 / (1 - objective), is left out.
    """
    reachable = 1 / allowed_ratio(objective)
    rules = []
    for long, short, share in _BURN_PAIRS:
        threshold = share * window_days * DAY / long
        if threshold < reachable:
            rules.append(PairRule(long, short, float(threshold)))
    return tuple(rules)


def at_least_two_reports(seconds: int, resolution_seconds: int) -> int:
    """Return the length of a window of a service whose reports are `resolution_seconds` long."""
    return max(seconds, SHORTEST_REPORTS * resolution_seconds)


def bucket_seconds(window_seconds: int) -> int:
    """Return the length of the buckets that serve a window."""
    return BUCKETS[bisect_left(_LONGEST_WINDOWS, window_seconds)]


def window_buckets(window_seconds: int) -> int:
    """Return how many buckets a window has."""
    return -(-window_seconds // bucket_seconds(window_seconds))


def window_spans(
    at: Ints, window_seconds: Ints, least_bucket_seconds: int = 0
) -> tuple[Ints, Ints]:
    """Return where windows begin and end, in seconds: buckets with begin < end of bucket <= end.

    Where the buckets that serve a window are not kept, `least_bucket_seconds` names longer ones.
    """
    served = np.array(BUCKETS)[np.searchsorted(_LONGEST_WINDOWS, window_seconds)]
    length = np.maximum(served, least_bucket_seconds)
    newest: Ints = -(-at // length)
    return (newest + (-window_seconds // length)) * length, newest * length
