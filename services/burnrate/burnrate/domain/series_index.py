"""The services of a shard by number, so that a batch is arrays of numbers. Pure."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from common.admission.identity import Keys, salts

_FIRST_CAPACITY = 64


class SeriesIndex:
    """Names by slot, 0 and up; a slot is kept for ever, since stored blocks are ordered by it."""

    def __init__(
        self,
        names: Iterable[str] = (),
        beyond_quota: Callable[[Sequence[str]], Sequence[str]] = lambda _: (),
    ) -> None:
        self._beyond_quota = beyond_quota
        self.index: dict[str, int] = {}
        self.names: list[str] = []
        self._salts: Keys = np.zeros((_FIRST_CAPACITY, 2), np.uint64)
        for name in names:
            self.add(name)
        self._loaded = len(self)

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str) -> int:
        """Return the slot of a service, the next one where it has none."""
        slot = self.index.get(name)
        if slot is None:
            slot = self.index[name] = len(self.names)
            self.names.append(name)
            if slot == len(self._salts):
                self._salts = np.concatenate((self._salts, np.zeros_like(self._salts)))
            self._salts[slot] = salts("service", [name])[0]
        return slot

    def admit(self, names: Iterable[str]) -> None:
        """Give slots to services within the quota; the others have none."""
        new = [name for name in dict.fromkeys(names) if name not in self.index]
        # what this and other batches have added may not be committed, but has its place
        refused = set(self._beyond_quota([*self.names[self._loaded :], *new]))
        for name in new:
            if name not in refused:
                self.add(name)

    def salts_of(self, slots: NDArray[np.int64]) -> Keys:
        """Return [n, 2] salts of the services in n slots."""
        return self._salts[slots]
