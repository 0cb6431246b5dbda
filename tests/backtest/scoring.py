"""How far forecasts are from what happened: log errors, null calls, coverage of P10 to P90."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.domain import models

TICK_HOURS = 1 / 3600
"""Nothing differs that is closer than burnrate's tick."""

DECADES = (0.001, 0.01, 0.1, 1.0)
MODELS = (
    models.ROLL_OFF,
    models.ROLL_OFF_LAST_HOUR,
    models.LINEAR_REGRESSION,
    models.WINDOW_OVER_BURN_RATE,
    models.PREDICT_LINEAR,
)
_Z_95 = 1.959963984540054
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cut-off: what the models said and what came; hours, None: not within the window."""

    family: str
    window_hours: float
    truth_hours: float | None
    said_hours: dict[str, float | None]
    p10_hours: float | None
    p90_hours: float | None

    def log_error(self, model: str) -> float:
        """Return |log(said / truth)|; no exhaustion is the window on both sides."""
        said = self._floored(self.said_hours[model])
        return abs(math.log(said / self._floored(self.truth_hours)))

    @property
    def covered(self) -> bool:
        """Tell whether what came lies within P10 to P90."""
        return not self.too_late and not self.too_early

    @property
    def too_early(self) -> bool:
        """Tell whether the budget was spent before P10."""
        return self._floored(self.truth_hours) < self._floored(self.p10_hours)

    @property
    def too_late(self) -> bool:
        """Tell whether the budget was spent after P90."""
        return self._floored(self.truth_hours) > self._floored(self.p90_hours)

    @property
    def undecided(self) -> bool:
        """Tell whether exhaustion was seen as possible, or came: else nothing is to be covered."""
        return self.p10_hours is not None or self.truth_hours is not None

    def place(self, hours: float | None) -> float:
        """Return where a time lies along an axis, 0..1; never is the end of the window."""
        return along(1.0 if hours is None else hours / self.window_hours)

    def _floored(self, hours: float | None) -> float:
        return self.window_hours if hours is None else max(TICK_HOURS, hours)


def along(share: float) -> float:
    """Return where a share of the window lies along an axis of DECADES, 0..1."""
    return 1 + math.log10(max(share, DECADES[0])) / 3


def median_error(outcomes: Sequence[Outcome], model: str) -> float:
    """Return the median absolute error of the logarithm of time."""
    return float(np.median([outcome.log_error(model) for outcome in outcomes]))


def null_calls(outcomes: Sequence[Outcome], model: str) -> tuple[int, ...]:
    """Return how often exhaustion was said and came, was said only, came only, or neither."""
    pairs = [(o.said_hours[model] is not None, o.truth_hours is not None) for o in outcomes]
    both = (True, False)
    return tuple(pairs.count((said, came)) for said in both for came in both)


def share_interval(count: int, of: int) -> tuple[float, float, float]:
    """Return a share and its 95 % interval by Wilson (1927)."""
    if not of:
        return 0.0, 0.0, 1.0
    share, square = count / of, _Z_95 * _Z_95
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z_95 / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return share, middle - half, middle + half


def ratio_interval(
    outcomes: Sequence[Outcome], model: str, baseline: str
) -> tuple[float, float, float]:
    """Return median error over the baseline's, and its 95 % interval by resampling outcomes."""
    errors = _errors(outcomes, model), _errors(outcomes, baseline)
    random = np.random.default_rng(0)
    drawn = random.integers(len(outcomes), size=(_RESAMPLES, len(outcomes)))
    ours, theirs = (np.median(kind[drawn], axis=1) for kind in errors)
    low, high = np.quantile(ours / theirs, [0.025, 0.975])
    return float(np.median(errors[0]) / np.median(errors[1])), float(low), float(high)


def _errors(outcomes: Sequence[Outcome], model: str) -> NDArray[np.float64]:
    return np.array([outcome.log_error(model) for outcome in outcomes])
