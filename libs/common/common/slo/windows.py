"""The windows over which burn is measured, and the workbook's pairs of them. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from common.slo.arithmetic import allowed_ratio

MINUTE, HOUR, DAY = 60, 3600, 86_400

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
