"""In which hours services have reported: how much of an SLO window is covered. Pure."""

import numpy as np

from common.arrays import Flags, Ints
from common.slo.vocabulary import LONGEST_WINDOW_DAYS, WINDOW_DAYS
from common.slo.windows import DAY, HOUR

_WINDOW_HOURS = np.array([days * DAY // HOUR for days in WINDOW_DAYS], np.int64)
_AHEAD_HOURS = 2  # events may lie five minutes ahead, in the hour to come
_KEPT_HOURS = LONGEST_WINDOW_DAYS * DAY // HOUR + 1 + _AHEAD_HOURS  # one that is leaving


class ReportedHours:
    """Hours by their number, for services by theirs; `count` is [window of WINDOW_DAYS, service].

    A window of n hours holds the hour of now and the n - 1 before it.
    """

    def __init__(self) -> None:
        self.count: Ints = np.zeros((len(WINDOW_DAYS), 0), np.int64)
        self._hour = 0
        self._reported: Flags = np.zeros((_KEPT_HOURS, 0), np.bool_)

    def widen(self, more: int) -> None:
        """Make room for so many more services."""
        self.count = np.pad(self.count, ((0, 0), (0, more)))
        self._reported = np.pad(self._reported, ((0, 0), (0, more)))

    def forget(self, service: int) -> None:
        """Make the place of a service as new."""
        self.count[:, service], self._reported[:, service] = 0, False

    def note(self, services: Ints, hours: Ints) -> Ints:
        """Note that services reported in these hours; return those for which that is new."""
        kept = (hours > self._hour - _WINDOW_HOURS[-1]) & (hours <= self._hour + _AHEAD_HOURS)
        reported = self._reported.reshape(-1)
        cells = hours % _KEPT_HOURS * self._reported.shape[1] + services
        kept &= ~reported[cells]
        if not kept.any():
            return np.zeros(0, np.int64)
        cells, first = np.unique(cells[kept], return_index=True)
        reported[cells] = True
        hours = hours[kept][first]
        found: Ints = services[kept][first]
        reach = (hours > self._hour - _WINDOW_HOURS[:, None]) & (hours <= self._hour)
        for window, inside in enumerate(reach):
            np.add.at(self.count[window], found[inside], 1)
        return found

    def advance(self, hour: int) -> Flags:
        """Move on to an hour; return [service] whether its count has changed."""
        before = self.count
        steps, self._hour = hour - self._hour, max(hour, self._hour)
        if steps > 0:
            self._clear(min(steps, _KEPT_HOURS))
            self.count = self._counted() if steps > 1 else self._moved_by_one()
        changed: Flags = (self.count != before).any(axis=0)
        return changed

    def _clear(self, steps: int) -> None:
        """Clear the places of the hours that have come into reach."""
        newest = self._hour + _AHEAD_HOURS
        self._reported[np.arange(newest - steps + 1, newest + 1) % _KEPT_HOURS] = False

    def _moved_by_one(self) -> Ints:
        leaving = (self._hour - _WINDOW_HOURS) % _KEPT_HOURS
        entering = self._reported[self._hour % _KEPT_HOURS]
        found: Ints = self.count + entering - self._reported[leaving]
        return found

    def _counted(self) -> Ints:
        spans = [np.arange(self._hour - hours + 1, self._hour + 1) for hours in _WINDOW_HOURS]
        return np.stack([self._reported[span % _KEPT_HOURS].sum(axis=0) for span in spans])
