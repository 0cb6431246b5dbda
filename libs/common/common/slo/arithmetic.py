"""The contract's arithmetic: burn rate, composite, error budget.

Pure. Counts are int64 arrays or ints, objectives are exact decimals, results are float64.
Formulas: Google's SRE workbook, chapter 5, "Alerting on SLOs"; the weights are the product's
contract.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]

WEIGHTS = (Fraction(40, 100), Fraction(35, 100), Fraction(25, 100))
"""Share of the 5 minute, 1 hour and 24 hour burn rate in the composite."""


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
