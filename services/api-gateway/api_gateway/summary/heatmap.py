"""Services by time: the worst burn of each cell, worst services first. Pure.

A cell holds whole hours. Its burn rate is that of its worst hour, against the service's strictest
objective (see `burn/history.py`), its level what the contract's table gives for that burn rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api_gateway.burn.history import HourlyRates
from common.slo.windows import HOUR

MOST_CELLS = 200
"""Cells of a service: more than a screen shows."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of `step_seconds`, ending at `ends` (seconds since 1970, multiples of the step)."""

    step_seconds: int
    ends: tuple[int, ...]

    def hours(self) -> range:
        """Return the ends of all hours in the cells, rising."""
        return range(self.ends[0] - self.step_seconds + HOUR, self.ends[-1] + 1, HOUR)


@dataclass(frozen=True, slots=True)
class Row:
    """A service's cells: the burn rate of each one's worst hour, None without requests.

    `least` are the rates if nothing uncertain was bad, None where nothing is uncertain.
    """

    service_name: str
    burn_rates: tuple[float | None, ...]
    least: tuple[float | None, ...]

    @property
    def worst(self) -> float:
        """The worst burn rate of all; -1 where there were no requests at all."""
        return max((rate for rate in self.burn_rates if rate is not None), default=-1.0)


def cells(since: int, until: int, step_seconds: int) -> Cells:
    """Return the cells that touch (since, until]: hours at least, MOST_CELLS at most."""
    step = -(-step_seconds // HOUR) * HOUR
    while (last := -(-until // step)) - since // step > MOST_CELLS:
        step += HOUR
    return Cells(step, tuple(end * step for end in range(since // step + 1, last + 1)))


def rows(shown: Cells, hourly: HourlyRates, names: Sequence[str]) -> list[Row]:
    """Return a row for each name, worst first; `hourly` is as `shown.hours()`."""
    found = []
    for name in names:
        own: Sequence[float | None] = hourly.rates.get(name, ())
        rates, least = _by_cell(shown, own), _by_cell(shown, hourly.least.get(name, own))
        ranges = zip(rates, least, strict=True)
        found.append(Row(name, rates, tuple(low if low != rate else None for rate, low in ranges)))
    return sorted(found, key=lambda row: (-row.worst, row.service_name))


def _by_cell(shown: Cells, hourly: Sequence[float | None]) -> tuple[float | None, ...]:
    per_cell = shown.step_seconds // HOUR
    starts = range(0, len(shown.hours()), per_cell)
    return tuple(_worst(hourly[start : start + per_cell]) for start in starts)


def _worst(rates: Sequence[float | None]) -> float | None:
    return max((rate for rate in rates if rate is not None), default=None)
