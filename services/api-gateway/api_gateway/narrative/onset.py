"""When the errors of now, or of a moment ago, began: found from counts by minute. Pure.

Page's CUSUM (E. S. Page, "Continuous inspection schemes", 1954) on the log-likelihood ratio of
two binomials: errors at twice the rate that the objective allows, against half of it. The sum
rises while the budget burns and falls to 0 in calm times; the errors began where it last left 0,
and ended with the last five minutes that made it rise.
"""

import math
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from api_gateway.burn.history import Counts
from api_gateway.narrative.service_context import Onset
from common.slo.arithmetic import allowed_ratio

BURNING, CALM = 2.0, 0.5
"""Burn rates of the two hypotheses; they weigh the same at a burn rate of about 1."""

CALM_MINUTES = 30
"""After so long without errors an outage is over, however bad it was; flapping is one."""

QUIET_MINUTES = 5
"""Errors whose last minute is longer ago have ended; it is the shortest window's length."""

CERTAIN = math.log(100)
"""Burning must be a hundred times as likely as calm before anything is said to have begun."""

_MOST_ERRORS = 0.99
_MINUTE = 60


def find_onset(counts: Counts, objective: float) -> Onset | None:
    """Return when errors began and what has failed since; None where it has long been calm.

    `counts` are by minute, with gaps; `objective` is a ratio. An onset at the first minute is
    that, or earlier: then there is none.
    """
    if not len(counts.ends):
        return None
    allowed = float(allowed_ratio(objective))
    calm, burning = (min(_MOST_ERRORS, b * allowed) for b in (CALM, BURNING))
    for_error = math.log(burning / calm)
    for_success = math.log((1 - burning) / (1 - calm))
    evidence = counts.bad * for_error + (counts.total - counts.bad) * for_success
    ceiling = CERTAIN + CALM_MINUTES * float(np.median(counts.total)) * -for_success
    began, level = _last_rise(evidence, ceiling)
    if began is None or began == 0 or level < CERTAIN:
        return None
    last = began + _last_burning(evidence[began:])
    ended = int(counts.ends[-1] - counts.ends[last]) >= QUIET_MINUTES * _MINUTE
    span = slice(began, last + 1 if ended else None)
    return Onset(
        at=datetime.fromtimestamp(int(counts.ends[began]) - _MINUTE, UTC),
        bad=int(counts.bad[span].sum()),
        total=int(counts.total[span].sum()),
        ended_at=datetime.fromtimestamp(int(counts.ends[last]), UTC) if ended else None,
    )


def _last_burning(evidence: NDArray[np.float64]) -> int:
    """Return the last minute with errors of the last five that speak for burning.

    The first minute does: that is where the errors began.
    """
    recent = np.convolve(evidence, np.ones(QUIET_MINUTES))[: len(evidence)]
    last = int(np.flatnonzero(recent > 0)[-1])
    return int(np.flatnonzero(evidence[: last + 1] > 0)[-1])


def _last_rise(evidence: NDArray[np.float64], ceiling: float) -> tuple[int | None, float]:
    """Return the index at which the sum last left 0, and the sum at the end."""
    began: int | None = None
    level = 0.0
    for index, step in enumerate(evidence.tolist()):
        if level == 0 and step > 0:
            began = index
        level = min(ceiling, max(0.0, level + step))
    return (began if level > 0 else None), level
