"""When the errors of now, or of a moment ago, began: found from counts by minute. Pure.

Page's CUSUM (E. S. Page, "Continuous inspection schemes", 1954) on the log-likelihood ratio of
two binomials: errors at twice the rate that the objective allows, against half of it. The sum
rises while the budget burns and falls to 0 in calm times; the errors began where it last left 0,
and ended with the last five minutes that made it rise.

Where the error rate has jumped since, the errors of now began with the jump, and the burn before it
is older. A jump is a change point by maximum likelihood (D. V. Hinkley, "Inference about the
change-point in a sequence of binomial variables", 1970) after which five minutes are several times
as bad as any five before: neither a rate that creeps up nor one that comes and goes has any.
"""

import math
from dataclasses import replace
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

JUMP = 3.0
"""So many times as bad as any five minutes before are those that begin a jump."""

_MOST_ERRORS = 0.99
_MINUTE = 60


def find_onset(counts: Counts, objective: float) -> Onset | None:
    """Return when errors began and what has failed since; None where it has long been calm.

    `counts` are by minute, with gaps; `objective` is a ratio. An onset at the first minute is
    that, or earlier: then there is none, unless the rate has jumped since.
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
    if began is None or level < CERTAIN:
        return None
    jumped = _last_jump(counts, began, for_error)
    if began == jumped == 0:
        return None
    last = jumped + _last_burning(evidence[jumped:])
    ended = int(counts.ends[-1] - counts.ends[last]) >= QUIET_MINUTES * _MINUTE
    older = _span(counts, began, jumped, ended=True) if jumped > began else None
    stop = last + 1 if ended else len(counts.ends)
    return replace(_span(counts, jumped, stop, ended=ended), older=older)


def _span(counts: Counts, start: int, stop: int, *, ended: bool) -> Onset:
    """Return what failed in those minutes; `ended` says whether the last one was the end."""
    return Onset(
        at=datetime.fromtimestamp(int(counts.ends[start]) - _MINUTE, UTC),
        bad=int(counts.bad[start:stop].sum()),
        total=int(counts.total[start:stop].sum()),
        ended_at=datetime.fromtimestamp(int(counts.ends[stop - 1]), UTC) if ended else None,
    )


def _last_jump(counts: Counts, began: int, for_error: float) -> int:
    """Return the minute with which the present error rate began: `began` where it never jumped."""
    while jump := _jump(counts.bad[began:], counts.total[began:], for_error):
        began += jump
    return began


def _jump(bad: NDArray[np.int64], total: NDArray[np.int64], for_error: float) -> int:
    """Return the minute that parts these into two error rates best, the latter a jump; 0 if none.

    The jump must add as much evidence as any beginning does, at the weight of one error.
    """
    if len(bad) <= QUIET_MINUTES:
        return 0
    ratios = _five_minutes(bad) / np.maximum(_five_minutes(total), 1)
    worst_before = np.maximum.accumulate(ratios)[:-1]
    first_after = (_five_minutes(bad[::-1]) / np.maximum(_five_minutes(total[::-1]), 1))[::-1][1:]
    before, after = np.cumsum(bad)[:-1], bad.sum() - np.cumsum(bad)[:-1]
    seen, left = np.cumsum(total)[:-1], total.sum() - np.cumsum(total)[:-1]
    surplus = (after - left * worst_before) * for_error
    jumps = (first_after >= JUMP * worst_before) & (surplus >= CERTAIN)
    if not jumps.any():
        return 0
    likelihood = _log_likelihood(before, seen) + _log_likelihood(after, left)
    return 1 + int(np.argmax(np.where(jumps, likelihood, -np.inf)))


def _five_minutes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sums of each minute with the ones before it."""
    return np.convolve(counts, np.ones(QUIET_MINUTES, np.int64))[: len(counts)]


def _log_likelihood(bad: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the greatest log-likelihood of so many bad ones among all, elementwise."""
    good = total - bad
    size = np.maximum(total, 1)
    found: NDArray[np.float64] = bad * np.log(np.maximum(bad, 1) / size) + good * np.log(
        np.maximum(good, 1) / size
    )
    return found


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
