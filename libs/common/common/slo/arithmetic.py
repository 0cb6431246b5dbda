"""The contract's arithmetic: burn rate, composite, risk level, error budget, burn pairs.

Pure. Counts are int64 arrays or ints, objectives are exact decimals, results are float64.
Formulas: Google's SRE workbook, chapter 5, "Alerting on SLOs"; weights and levels are the
product's contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from common.slo.vocabulary import RiskLevel

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]

WEIGHTS = (Fraction(40, 100), Fraction(35, 100), Fraction(25, 100))
"""Share of the 5 minute, 1 hour and 24 hour burn rate in the composite."""

BOUNDARIES = (
    (Fraction(2), RiskLevel.FREEZE),
    (Fraction(3, 2), RiskLevel.DANGER),
    (Fraction(1), RiskLevel.OBSERVE),
)
_NEAR = 1e-9  # float64 cannot be trusted to fall on the right side of a boundary this close


def burn_rates(bad: Counts, total: Counts, objective: Decimal) -> Rates:
    """Return (bad / total) / (1 - objective), elementwise; 0 where there is no traffic."""
    spent = bad / np.maximum(total, 1)
    rates: Rates = spent / float(1 - objective)
    return rates


def burn_rate(bad: int, total: int, objective: Decimal) -> float:
    """Return the burn rate of one pair of counts; 0 where there is no traffic."""
    return bad / total / float(1 - objective) if total else 0.0


def composite_burn_rate(rates: Sequence[float]) -> float:
    """Return the weighted mean of the 5 m, 1 h and 24 h burn rates."""
    return float(sum(float(w) * r for w, r in zip(WEIGHTS, rates, strict=True)))


def composite_burn_rates(short: Rates, hour: Rates, day: Rates) -> Rates:
    """Return `composite_burn_rate` elementwise."""
    weights = [float(w) for w in WEIGHTS]
    composite: Rates = weights[0] * short + weights[1] * hour + weights[2] * day
    return composite


def risk_level(
    composite: float, counts: Sequence[tuple[int, int]], objective: Decimal
) -> RiskLevel:
    """Return the level of a composite burn rate; above 2 is FREEZE, exactly 2 is DANGER.

    `counts` are (bad, total) of the 5 m, 1 h and 24 h windows: next to a boundary the composite
    is computed again from them in exact fractions.
    """
    exact: Fraction | float = composite
    if any(abs(composite - float(boundary)) <= _NEAR for boundary, _ in BOUNDARIES):
        exact = exact_composite(counts, objective)
    freeze, danger, observe = BOUNDARIES
    if exact > freeze[0]:
        return freeze[1]
    for boundary, level in (danger, observe):
        if exact >= boundary:
            return level
    return RiskLevel.SAFE


def cap_risk_level(level: RiskLevel, bad_events: int, min_bad_events: int) -> RiskLevel:
    """Return OBSERVE for a more severe level with fewer bad events (24 h) than asked for."""
    thin = bad_events < min_bad_events
    return RiskLevel.OBSERVE if thin and level in _GRAVE else level


_GRAVE = frozenset({RiskLevel.DANGER, RiskLevel.FREEZE})


def exact_composite(counts: Sequence[tuple[int, int]], objective: Decimal) -> Fraction:
    """Return the composite burn rate of (bad, total) pairs without rounding."""
    allowed = 1 - Fraction(objective)
    return sum(
        (
            w * Fraction(bad, total) / allowed
            for w, (bad, total) in zip(WEIGHTS, counts, strict=True)
            if total
        ),
        Fraction(0),
    )


def error_budget_consumed(bad: int, total: int, objective: Decimal) -> float:
    """Return the share of the window's error budget that is spent; above 1 when overspent."""
    return burn_rate(bad, total, objective)


@dataclass(frozen=True, slots=True)
class PairRule:
    """Two windows that must both burn faster than `threshold` (a multiple of 1)."""

    long_seconds: int
    short_seconds: int
    threshold: float


_HOUR = 3600
_PAIRS = (  # long window, short window, share of the budget spent in the long one
    (1 * _HOUR, 300, Fraction(2, 100)),
    (6 * _HOUR, 1800, Fraction(5, 100)),
    (24 * _HOUR, 2 * _HOUR, Fraction(10, 100)),
    (72 * _HOUR, 6 * _HOUR, Fraction(10, 100)),
)


def pair_rules(objective: Decimal, window_days: int) -> tuple[PairRule, ...]:
    """Return the workbook's pairs for an SLO window: 14.4, 6, 3 and 1 for 30 days.

    The threshold is the burn rate that spends the share in the long window. A pair that even
    total failure cannot reach, at 1 / (1 - objective), is left out.
    """
    window_hours = window_days * 24
    reachable = 1 / (1 - Fraction(objective))
    rules = []
    for long, short, share in _PAIRS:
        threshold = share * window_hours * _HOUR / long
        if threshold < reachable:
            rules.append(PairRule(long, short, float(threshold)))
    return tuple(rules)
