"""The shared vocabulary: kinds of indicator, risk levels, data states, names, objectives."""

import re
from decimal import Decimal
from enum import StrEnum

from common.patterns import NAME

SERVICE_NAME_PATTERN = NAME
RESERVED_SERVICE_NAMES = frozenset({"heatmap", "targets", "compute"})
"""Words that stand in REST paths where a service name may stand."""

WINDOW_DAYS = (7, 14, 28, 30, 90)
LONGEST_WINDOW_DAYS = max(WINDOW_DAYS)
MAX_TARGETS = 50
"""Targets that a service may have: each is evaluated at every change of its counts."""

_LEAST_PERCENTAGE, _WHOLE = 50, 100

_service_name = re.compile(SERVICE_NAME_PATTERN)


class SliType(StrEnum):
    """What a target measures."""

    AVAILABILITY = "availability"
    LATENCY = "latency"
    ERROR_RATE = "error_rate"


class RiskLevel(StrEnum):
    """The contract's levels, mildest first."""

    SAFE = "SAFE"
    OBSERVE = "OBSERVE"
    DANGER = "DANGER"
    FREEZE = "FREEZE"


class DataStatus(StrEnum):
    """How far the counts behind a figure can be trusted, worst first."""

    NO_DATA = "no_data"
    LAGGING = "lagging"
    SATURATED = "saturated"
    STALE = "stale"
    NO_TRAFFIC = "no_traffic"
    OK = "ok"


class InvalidObjectiveError(ValueError):
    """An objective that is neither a ratio nor a percentage; the text says what to send."""


def is_service_name(name: str) -> bool:
    """Return whether `name` has the form of a service name (reserved words have it too)."""
    # fullmatch: `$` alone would let a trailing newline through
    return _service_name.fullmatch(name) is not None


def objective_ratio(value: Decimal) -> Decimal:
    """Return the objective as a ratio, 0 < x < 1; 50 < value < 100 is read as a percentage.

    Raises InvalidObjectiveError for anything else.
    """
    if not value.is_finite():
        raise InvalidObjectiveError("must be a finite number, such as 0.999 or 99.9")
    if 0 < value < 1:
        return value
    if _LEAST_PERCENTAGE < value < _WHOLE:
        return value / _WHOLE
    raise InvalidObjectiveError(
        "must be a ratio between 0 and 1, such as 0.999, or a percentage between 50 and 100, "
        "such as 99.9; exactly 0, 1 and 100 leave no error budget to measure"
    )
