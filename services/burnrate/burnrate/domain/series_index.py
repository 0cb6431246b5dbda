"""The streams of a shard by number, so that a batch is arrays of numbers. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.admission.identity import Keys, salts
from common.slo.streams import DEFAULT_INDICATOR, MAX_INDICATORS, indicator_of, service_of

_FIRST_CAPACITY = 64


class Origin(NamedTuple):
    """Who brought a name: the `source` of its first event, and the credential that sent it."""

    source: str = ""
    sender: str = ""


UNKNOWN_ORIGIN = Origin()


class SeriesIndex:
    """Streams by slot, 0 and up; a slot is kept for ever, since stored blocks are ordered by it.

    `reserve` returns those of new names for which there is no place. `services` are by their first
    slots.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        reserve: Callable[[Iterable[str]], Iterable[str]] = lambda _: (),
    ) -> None:
        self._reserve = reserve
        self.index: dict[str, int] = {}
        self.names: list[str] = []
        self.services: dict[str, int] = {}
        self.origins: dict[str, Origin] = {}
        self._indicators: Counter[str] = Counter()
        self._salts: Keys = np.zeros((_FIRST_CAPACITY, 2), np.uint64)
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str) -> int:
        """Return the slot of a stream, the next one where it has none."""
        slot = self.index.get(name)
        if slot is None:
            slot = self.index[name] = len(self.names)
            self.names.append(name)
            self.services.setdefault(service_of(name), slot)
            self._indicators[service_of(name)] += indicator_of(name) != DEFAULT_INDICATOR
            if slot == len(self._salts):
                self._salts = np.concatenate((self._salts, np.zeros_like(self._salts)))
            self._salts[slot] = salts("service", [name])[0]
        return slot

    def admit(self, origins: Mapping[str, Origin]) -> None:
        """Give slots to streams within the quota and MAX_INDICATORS; the others have none."""
        new = [name for name in origins if name not in self.index]
        refused = set(self._reserve(new))
        for name in new:
            if name not in refused and not self.is_full(name):
                self.add(name)
                self.origins[name] = origins[name]

    def is_full(self, name: str) -> bool:
        """Return whether a stream would be one indicator too many of its service."""
        if indicator_of(name) == DEFAULT_INDICATOR:
            return False
        return self._indicators[service_of(name)] >= MAX_INDICATORS

    def salts_of(self, slots: NDArray[np.int64]) -> Keys:
        """Return [n, 2] salts of the streams in n slots."""
        return self._salts[slots]
