"""The contract's risk levels, and the composite burn rates at which they begin. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from common.slo.arithmetic import Objective, exact_composite
from common.slo.vocabulary import RiskLevel

RISK_BOUNDARIES: Final = {RiskLevel.OBSERVE: 1.0, RiskLevel.DANGER: 1.5, RiskLevel.FREEZE: 2.0}
"""The composite burn rate from which each level holds; FREEZE only holds above its own."""

LEAST_COVERAGE_RATIO: Final = 0.99
"""A level must rest on so many of the present requests, or the gate warns."""

_NEAR = 1e-9  # float64 cannot be trusted to fall on the right side of a boundary this close


def settled_composite(
    composite: float, counts: Sequence[tuple[int, int]], objective: Objective
) -> Fraction | float:
    """Return a composite burn rate, next to a boundary computed again in exact fractions.

    `counts` are (bad, total) of the 5 m, 1 h and 24 h windows.
    """
    if any(is_near(composite, boundary) for boundary in RISK_BOUNDARIES.values()):
        return exact_composite(counts, objective)
    return composite


def risk_level(
    composite: float, counts: Sequence[tuple[int, int]], objective: Objective
) -> RiskLevel:
    """Return the level of the composite burn rate of `counts`, exactly."""
    return level_at(settled_composite(composite, counts, objective))


def is_near(composite: float, threshold: float) -> bool:
    """Return whether a composite, which is rounded, may be on the wrong side of a threshold."""
    return abs(composite - threshold) <= _NEAR


def level_at(rate: Fraction | float) -> RiskLevel:
    """Return the level of a burn rate taken as it is; above 2 is FREEZE, exactly 2 is DANGER."""
    if rate > RISK_BOUNDARIES[RiskLevel.FREEZE]:
        return RiskLevel.FREEZE
    for level in (RiskLevel.DANGER, RiskLevel.OBSERVE):
        if rate >= RISK_BOUNDARIES[level]:
            return level
    return RiskLevel.SAFE


def cap_risk_level(level: RiskLevel, bad_events: int, min_bad_events: int) -> RiskLevel:
    """Return OBSERVE for a more severe level with fewer bad events (24 h) than asked for."""
    severe = level in {RiskLevel.DANGER, RiskLevel.FREEZE}
    return RiskLevel.OBSERVE if severe and bad_events < min_bad_events else level
