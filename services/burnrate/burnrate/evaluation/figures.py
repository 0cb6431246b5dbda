"""Burn rates, composites, levels and budgets of many objectives at once. Pure.

The formulas are those of `common.slo.arithmetic`, in the same order of operations, so that each
figure equals the scalar one to the last bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from burnrate.windows.engine import OWN_WINDOWS, ROW_OF
from common.arrays import Flags, Floats, Ints
from common.slo.arithmetic import allowed_burn_rates, composite_burn_rates, exact_composite
from common.slo.risk import RISK_BOUNDARIES, level_at
from common.slo.vocabulary import RiskLevel
from common.slo.windows import BURN_PAIRS, BURN_WINDOWS

NAMES = (*OWN_WINDOWS, "slo")
"""The windows of an objective, in the order of the rows of counts and rates."""
SLO = NAMES.index("slo")
RECENT = NAMES.index("5m")
LEVELS = tuple(RiskLevel)
COVERED = (*map(NAMES.index, BURN_WINDOWS), SLO)
"""The rows of the windows whose coverage is known."""
_COVERED = list(COVERED)
_OBSERVE = LEVELS.index(RiskLevel.OBSERVE)
_DAY = NAMES.index("24h")
_LONG_ROWS = [ROW_OF[long] for long, _ in BURN_PAIRS]
_SHORT_ROWS = [ROW_OF[short] for _, short in BURN_PAIRS]
_FREEZE = RISK_BOUNDARIES[RiskLevel.FREEZE]
_REACHED = (RISK_BOUNDARIES[RiskLevel.OBSERVE], RISK_BOUNDARIES[RiskLevel.DANGER])
_NEAR = 2e-9  # twice the scalar formula's, so that nothing is missed


Allowed = tuple[Floats, Floats]
"""1 less each objective: numerators [n] and denominators [n] of the fractions."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of n objectives: `sums` [8, total or bad, n] by NAMES.

    `partial` [k] are the rows, rising, of those that may not count all requests of their stream:
    of these, `requests` [4, k] by COVERED are the stream's, and `uncertain` [8, k] by NAMES
    those that count as bad and may be good.
    """

    sums: Ints
    partial: Ints
    requests: Ints
    uncertain: Ints

    def recent_requests(self) -> Ints:
        """Return the requests [n] of the streams over the shortest window."""
        found: Ints = self.sums[RECENT, 0]
        if len(self.partial):
            found = found.copy()
            found[self.partial] = self.requests[RECENT]
        return found


@dataclass(frozen=True, slots=True)
class Figures:
    """n objectives: `rates` [8, n] by NAMES, `pairs` [4, n] by BURN_PAIRS, `levels` as in LEVELS.

    The last row of rates is the share of the budget that is consumed. `capped` is set where
    a level more severe than OBSERVE is shown as OBSERVE, because of too few bad events.
    `coverage` [4, n] by COVERED is the share of the requests that are certainly good or bad, of the
    SLO window multiplied by the share of it that was reported.
    """

    rates: Floats
    composite: Floats
    levels: Ints
    capped: Flags
    pairs: Floats
    coverage: Floats


def evaluate(
    counts: Counts,
    reported: Floats,
    allowed: Allowed,
    min_bad_events: Ints,
    objective_at: Callable[[int], Decimal],
) -> Figures:
    """Return the figures of counts; `reported` [n] is the share of the SLO window with reports.

    `objective_at` gives the objective of a row where floats do not say enough: next to a boundary
    and at huge counts.
    """
    sums = counts.sums
    rates = allowed_burn_rates(sums[:, 1], sums[:, 0], allowed, objective_at)
    composite = composite_burn_rates(rates[0], rates[1], rates[2])
    levels = _levels(composite, sums, objective_at)
    capped = (levels > _OBSERVE) & (sums[_DAY, 1] < min_bad_events)
    levels[capped] = _OBSERVE
    pairs = np.minimum(rates[_LONG_ROWS], rates[_SHORT_ROWS])
    return Figures(rates, composite, levels, capped, pairs, _coverage(counts, reported))


def _coverage(counts: Counts, reported: Floats) -> Floats:
    coverage = np.ones((len(COVERED), len(reported)))
    if len(counts.partial):
        own = counts.sums[_COVERED, 0][:, counts.partial] - counts.uncertain[_COVERED]
        shares = np.ones(own.shape)
        np.divide(own, counts.requests, out=shares, where=counts.requests > 0)
        coverage[:, counts.partial] = shares
    coverage[-1] *= reported
    return coverage


def _levels(composite: Floats, sums: Ints, objective_at: Callable[[int], Decimal]) -> Ints:
    """Return the place of each level in LEVELS; next to a boundary level and rate are exact."""
    levels = np.zeros(len(composite), np.int64)
    burning = np.flatnonzero(composite >= _REACHED[0] - _NEAR)
    rates = composite[burning]
    near = np.abs(rates - _FREEZE) <= _NEAR
    found = (rates > _FREEZE).astype(np.int64)
    for boundary in _REACHED:
        near |= np.abs(rates - boundary) <= _NEAR
        found += rates >= boundary
    levels[burning] = found
    for i in burning[near].tolist():
        pairs = [(int(bad), int(total)) for total, bad in sums[: len(BURN_WINDOWS), :, i]]
        exact = exact_composite(pairs, objective_at(i))
        levels[i], composite[i] = LEVELS.index(level_at(exact)), float(exact)
    return levels


def worst_rows(
    service: Ints, levels: Ints, composite: Floats, consumed: Floats, rank: Ints
) -> Ints:
    """Return the row of each service's worst objective: one row for each service, unordered.

    The most severe level is worst, then the highest composite (which may be one that is capped),
    then the budget that is spent furthest, then the name.
    """
    chosen = np.ones(len(service), np.bool_)
    for figure in (levels, composite, consumed, rank):
        most = np.full(int(service.max()) + 1, -1.0)
        np.maximum.at(most, service[chosen], figure[chosen])
        chosen &= figure == most[service]
    return np.flatnonzero(chosen)
