"""What a batch adds to a shard: pure sums, ready to be stored and folded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.events import IngestCounters

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BatchSums:
    """Sums by service and ten-second bucket; each pair of them stands once."""

    names: tuple[str, ...]
    """The services touched, each once."""
    service: Ints
    """[n] index into names."""
    bucket: Ints
    """[n] number of the ten-second bucket."""
    counts: Ints
    """[n, 2] total and bad."""
    window_seconds: Ints
    """[n] the longest report of the cell."""
    newest_micros: Ints
    """[len(names)] the newest timestamp; -1 where there were repeats only."""
    oddities: Mapping[str, IngestCounters]
    latency: Mapping[tuple[str, int, tuple[float, ...]], Sequence[int]]
    """Counts by service, ten-second bucket and bounds."""
