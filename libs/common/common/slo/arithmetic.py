"""The contract's arithmetic: burn rate, composite, error budget.

Pure. Counts are int64 arrays or ints, objectives are what a person wrote: exact decimals, or floats
that stand for their shortest text. A figure is the float nearest to the exact fraction, so that one
that equals a threshold compares as equal to it.
Formulas: Google's SRE workbook, chapter 5, "Alerting on SLOs"; the weights are the product's
contract.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]
Objective = Decimal | float

WEIGHTS = (Fraction(40, 100), Fraction(35, 100), Fraction(25, 100))
"""Share of the 5 minute, 1 hour and 24 hour burn rate in the composite."""

_EXACT = 2.0**53  # up to here floats hold every integer, and products of two of them
_BEYOND = 2**900  # stands for what no float holds: far above _EXACT, also times a count


class FiguresIfGood(TypedDict, total=False):
    """What an objective's figures would be if nothing uncertain was bad."""

    composite_burn_rate_least: float
    error_budget_remaining_most: float


@lru_cache(4096)
def allowed_ratio(objective: Objective) -> Fraction:
    """Return the share of requests that may be bad."""
    return 1 - Fraction(objective if isinstance(objective, Decimal) else repr(objective))


def burn_rates(bad: Counts, total: Counts, objective: Objective) -> Rates:
    """Return (bad / total) / (1 - objective), elementwise; 0 where there is no traffic."""
    above, below = (float(min(n, _BEYOND)) for n in allowed_ratio(objective).as_integer_ratio())
    return allowed_burn_rates(bad, total, (above, below), objective)


def allowed_burn_rates(
    bad: Counts,
    total: Counts,
    allowed: tuple[Rates, Rates] | tuple[float, float],
    objective: Objective | Callable[[int], Objective],
) -> Rates:
    """Return burn rates [..., n]; `allowed` are numerators and denominators, [n] or numbers.

    `objective` is that of all columns, or gives that of one: counts too large for floats are
    divided as integers.
    """
    above, below = bad * allowed[1], np.maximum(total, 1) * allowed[0]
    rates: Rates = above / below
    for place in zip(*np.nonzero((above > _EXACT) | (below > _EXACT)), strict=True):
        own = objective(int(place[-1])) if callable(objective) else objective
        rates[place] = burn_rate(int(bad[place]), int(total[place]), own)
    return rates


def burn_rate(bad: int, total: int, objective: Objective) -> float:
    """Return the burn rate of one pair of counts; 0 where there is no traffic."""
    above, below = allowed_ratio(objective).as_integer_ratio()
    return bad * below / (total * above) if total else 0.0  # integers divide without an error


def composite_burn_rate(rates: Sequence[float]) -> float:
    """Return the weighted mean of the 5 m, 1 h and 24 h burn rates."""
    return float(sum(float(w) * r for w, r in zip(WEIGHTS, rates, strict=True)))


def composite_burn_rates(short: Rates, hour: Rates, day: Rates) -> Rates:
    """Return `composite_burn_rate` elementwise."""
    weights = [float(w) for w in WEIGHTS]
    composite: Rates = weights[0] * short + weights[1] * hour + weights[2] * day
    return composite


def exact_composite(counts: Sequence[tuple[int, int]], objective: Objective) -> Fraction:
    """Return the composite burn rate of (bad, total) pairs without rounding."""
    allowed = allowed_ratio(objective)
    return sum(
        (
            w * Fraction(bad, total) / allowed
            for w, (bad, total) in zip(WEIGHTS, counts, strict=True)
            if total
        ),
        Fraction(0),
    )


def error_budget_consumed(bad: int, total: int, objective: Objective) -> float:
    """Return the share of the window's error budget that is spent; above 1 when overspent."""
    return burn_rate(bad, total, objective)


def error_budget_remaining(bad: int, total: int, objective: Objective) -> float:
    """Return the share of the window's error budget that is left: 0 only if all of it is spent."""
    above, below = allowed_ratio(objective).as_integer_ratio()
    return (total * above - bad * below) / (total * above) if total else 1.0


def figures_if_good(
    counts: Sequence[tuple[int, int]], uncertain: Sequence[int], objective: Objective
) -> FiguresIfGood:
    """Return what an objective's figures would be if nothing uncertain was bad; none if all is.

    `counts` are (bad, total) of 5 m, 1 h, 24 h and the SLO window, `uncertain` the bad ones of each
    that may be good.
    """
    if not any(uncertain):
        return {}
    *burn, slo = [(bad - n, total) for (bad, total), n in zip(counts, uncertain, strict=True)]
    return {
        "composite_burn_rate_least": float(exact_composite(burn, objective)),
        "error_budget_remaining_most": error_budget_remaining(*slo, objective),
    }


def bad_events_allowed(total: int, objective: Objective) -> int:
    """Return how many of the requests may be bad: the whole ones of total * (1 - objective)."""
    return int(total * allowed_ratio(objective))
