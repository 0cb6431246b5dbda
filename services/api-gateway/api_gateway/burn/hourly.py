"""Burn rates of many services hour by hour, from stored counts. Pure.

An hour's burn rate is (bad / total) / (1 - objective) over that hour alone; of several objectives
the greatest counts, as it does for the service's present level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api_gateway.burn.history import Seconds
from api_gateway.catalog.domain import Target
from common.events import TargetSpec
from common.slo.windows import HOUR

HOURS_SHOWN = 24

Rates = NDArray[np.float64]
HourlyRates = dict[str, list[float | None]]
"""By service: a burn rate for each hour, None where nothing was requested or reported."""


@dataclass(frozen=True, slots=True)
class HourlyCounts:
    """Requests of services (rows) by hour (columns); `ends` are the hours' ends, rising."""

    names: tuple[str, ...]
    ends: Seconds
    total: Seconds
    bad: Seconds


SlowCounts = Mapping[int, Sequence[tuple[int, int, int]]]
"""By latency target: the ends of hours with their requests and the slower ones."""


def hour_ends(now_seconds: int, hours: int = HOURS_SHOWN) -> Seconds:
    """Return the ends of the last hours, the one that is running last."""
    last = -(-now_seconds // HOUR) * HOUR
    return np.arange(last - (hours - 1) * HOUR, last + 1, HOUR, dtype=np.int64)


def hourly_burn_rates(
    counts: HourlyCounts,
    slow: SlowCounts,
    targets: Mapping[str, Sequence[Target]],
    default: TargetSpec,
) -> HourlyRates:
    """Return each service's burn rate by hour."""
    shown = {}
    for row, name in enumerate(counts.names):
        own = targets.get(name, ())
        rates = _count_rates(counts.total[row], counts.bad[row], own, default)
        for target in own:
            if target.spec.threshold_seconds is not None:
                _raise_to(rates, counts.ends, slow.get(target.id, ()), _allowed(target.spec))
        shown[name] = [None if np.isnan(rate) else float(rate) for rate in rates]
    return shown


def _count_rates(
    total: Seconds, bad: Seconds, targets: Sequence[Target], default: TargetSpec
) -> Rates:
    """Return the burn rates against the strictest objective on failed requests; nan for none."""
    rates = np.full(len(total), np.nan)
    definitions = [target.spec for target in targets] or [default]
    allowed = [_allowed(d) for d in definitions if d.threshold_seconds is None]
    if allowed:
        served = total > 0
        rates[served] = bad[served] / total[served] / min(allowed)
    return rates


def _raise_to(
    rates: Rates, ends: Seconds, rows: Sequence[tuple[int, int, int]], allowed: float
) -> None:
    columns = {end: column for column, end in enumerate(ends.tolist())}
    for end, total, bad in rows:
        column = columns.get(end)
        if column is not None and total > 0:
            rates[column] = np.fmax(rates[column], bad / total / allowed)


def _allowed(spec: TargetSpec) -> float:
    return float(1 - spec.objective)
