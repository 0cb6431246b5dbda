"""Services by time: the worst burn of each cell, worst services first. Pure.

A cell holds whole hours. Its burn rate is that of its worst hour, against the service's strictest
objective (see `burn/history.py`), its level what the contract's table gives for that burn rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    """A service's cells: the burn rate of each one's worst hour, None without requests."""

    service_name: str
    burn_rates: tuple[float | None, ...]

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


def rows(
    shown: Cells, rates: Mapping[str, Sequence[float | None]], names: Sequence[str]
) -> list[Row]:
    """Return a row for each name, worst first; `rates` are by hour, as `shown.hours()`."""
    per_cell = shown.step_seconds // HOUR
    found = []
    for name in names:
        hourly = rates.get(name, ())
        parts = [hourly[n : n + per_cell] for n in range(0, len(shown.hours()), per_cell)]
        found.append(Row(name, tuple(_worst(part) for part in parts)))
    return sorted(found, key=lambda row: (-row.worst, row.service_name))


def _worst(rates: Sequence[float | None]) -> float | None:
    return max((rate for rate in rates if rate is not None), default=None)
