"""The objectives under evaluation, one slot each, in arrays. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from burnrate.domain.objectives import Target
from burnrate.windows.engine import ROW_OF
from common.arrays import Flags, Floats, Ints
from common.slo.arithmetic import allowed_ratio
from common.slo.windows import DAY

_LEAST_SLOTS = 64
FREE = -1
_NUMBERS = (
    "service",
    "stream",
    "series",
    "requests",
    "uncertain",
    "slo_row",
    "min_bad_events",
    "rank",
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A target with the series of its counts, and that of all requests of its stream.

    `uncertain` is the series of those counts that may be good or bad; None where there are none.
    """

    target: Target
    series: int
    requests: int
    stream: int
    uncertain: int | None = None


class Slots:
    """Objectives by slot. What a service has is replaced as a whole, and only where it changed.

    `service` is FREE for a slot that is not in use; `rank` puts a service's objectives in order
    of their names.
    """

    def __init__(self) -> None:
        self.objectives: list[Objective] = []
        self.of_service: dict[int, tuple[int, ...]] = {}
        self._free: list[int] = []
        self.service: Ints = np.zeros(0, np.int64)
        self.stream: Ints = np.zeros(0, np.int64)
        self.series: Ints = np.zeros(0, np.int64)
        self.requests: Ints = np.zeros(0, np.int64)
        self.uncertain: Ints = np.zeros(0, np.int64)  # FREE where all counts are certain
        self.slo_row: Ints = np.zeros(0, np.int64)
        self.min_bad_events: Ints = np.zeros(0, np.int64)
        self.rank: Ints = np.zeros(0, np.int64)
        self.allowed: Floats = np.ones((2, 0))  # numerator and denominator of 1 - objective
        self.partial: Flags = np.zeros(0, np.bool_)  # reads another series than the requests'
        self.alone: Flags = np.zeros(0, np.bool_)  # the only objective of its service
        self.slo_rows: set[int] = set()  # those that are or were in use
        self._touched: list[int] = []

    def __len__(self) -> int:
        return len(self.objectives)

    def assign(self, service: int, objectives: Sequence[Objective]) -> None:
        """Let a service have these objectives, in this order."""
        old = self.of_service.get(service, ())
        if [self.objectives[slot] for slot in old] == list(objectives):
            return
        self.service[list(old)] = FREE
        self._free += old
        slots = tuple(self._place(service, objective) for objective in objectives)
        if slots:
            self.of_service[service] = slots
        else:
            self.of_service.pop(service, None)
        self.alone[list(slots)] = len(slots) == 1
        by_name = sorted(range(len(slots)), key=lambda i: (objectives[i].target.name, -i))
        for rank, i in enumerate(by_name):
            self.rank[slots[i]] = rank
        self._touched.append(service)

    def take_touched(self) -> list[int]:
        """Return the services whose objectives have changed since this was last asked."""
        found, self._touched = self._touched, []
        return found

    def target(self, slot: int) -> Target:
        """Return the target of a slot that is in use."""
        return self.objectives[slot].target

    def _place(self, service: int, objective: Objective) -> int:
        if self._free:
            slot = self._free.pop()
            self.objectives[slot] = objective
        else:
            slot = len(self.objectives)
            self.objectives.append(objective)
            if slot == len(self.service):
                self._widen()
        target = objective.target
        self.service[slot], self.stream[slot] = service, objective.stream
        self.series[slot], self.requests[slot] = objective.series, objective.requests
        self.uncertain[slot] = FREE if objective.uncertain is None else objective.uncertain
        self.slo_row[slot] = ROW_OF[target.window_days * DAY]
        self.slo_rows.add(int(self.slo_row[slot]))
        self.min_bad_events[slot] = target.min_bad_events
        self.allowed[:, slot] = allowed_ratio(target.objective).as_integer_ratio()
        self.partial[slot] = objective.series != objective.requests
        return slot

    def _widen(self) -> None:
        more = max(_LEAST_SLOTS, len(self.service))
        for name in _NUMBERS:
            setattr(self, name, np.pad(getattr(self, name), (0, more), constant_values=FREE))
        self.allowed = np.pad(self.allowed, ((0, 0), (0, more)), constant_values=1.0)
        self.partial = np.pad(self.partial, (0, more))
        self.alone = np.pad(self.alone, (0, more))
