"""What a committed batch adds to a shard. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from common.arrays import Ints
from common.counts.layout import Bounds
from common.events import IngestCounters

ImportStream = tuple[str, str]
"""An import, and the partition through which its records came (empty: the right one)."""


class DedupKeyKind(Enum):
    """Which events a stored dedup key is checked for: what may come again live, or by import."""

    RECENT = "recent"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class BatchDelta:
    """A batch in sums: cells of ten seconds, and what each of the services touched grows by.

    `latency` is by service, ten-second bucket and bounds; its counts are those of a histogram.
    """

    names: tuple[str, ...]  # the services touched, each once
    service: Ints  # [n] index into names; each (service, bucket) stands once
    bucket: Ints  # [n] number of the ten-second bucket
    counts: Ints  # [n, 2] total and bad, each at most SUM_LIMIT
    window_seconds: Ints  # [n] the shortest report of the cell
    newest_micros: Ints  # [len(names)] newest timestamp; -1 where the batch had only repeats
    counters: Mapping[str, IngestCounters]  # what they grow by, by name
    latency: Mapping[tuple[str, int, Bounds], Sequence[int]]

    def without(self, names: Collection[str]) -> "BatchDelta":
        """Return what the batch adds to all services but these."""
        own = [i for i, name in enumerate(self.names) if name not in names]
        if len(own) == len(self.names):
            return self
        place = np.full(len(self.names), -1, np.int64)
        place[own] = np.arange(len(own))
        rows = place[self.service] >= 0
        return replace(
            self,
            names=tuple(self.names[i] for i in own),
            service=place[self.service[rows]],
            bucket=self.bucket[rows],
            counts=self.counts[rows],
            window_seconds=self.window_seconds[rows],
            newest_micros=self.newest_micros[own],
            counters={name: by for name, by in self.counters.items() if name not in names},
            latency={key: counts for key, counts in self.latency.items() if key[0] not in names},
        )
