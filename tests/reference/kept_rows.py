"""What PostgreSQL would hold of a shard: blocks stored as they are, read as they are loaded."""

from datetime import datetime

import numpy as np

from burnrate.domain.batch import BatchDelta
from burnrate.domain.series_index import SeriesIndex
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.aggregation import stored_cells, stored_latency
from burnrate.ingest.blocks import Blocks
from common.config.clock import to_micros
from common.counts.layout import (
    COLUMNS,
    KEPT,
    RESOLUTIONS,
    SUM_LIMIT,
    BlockKey,
    Bounds,
    SlowCount,
    bucket_end,
    slower_than,
    unpacked,
)


class KeptRows:
    """The tables `count_block`, `latency` and `service` of one shard."""

    def __init__(self) -> None:
        self.series = SeriesIndex()
        self.blocks: dict[BlockKey, bytes] = {}
        self.latency: dict[tuple[int, str, int, Bounds], list[int]] = {}
        self.newest: dict[str, int] = {}
        self._held = Blocks(held_bytes=200)  # so few that most blocks are read again

    def add(self, sums: BatchDelta, appended_at: datetime) -> None:
        """Store a batch."""
        for name in sums.names:
            self.series.add(name)
        appended = to_micros(appended_at)
        cells = stored_cells(sums, self.series, appended)
        self._held.put(self._held.missing(cells), self.blocks)
        self.blocks.update(self._held.add(cells))
        for place, counts in stored_latency(sums, appended).items():
            old = self.latency.get(place, [0] * len(counts))
            self.latency[place] = [min(a + b, SUM_LIMIT) for a, b in zip(old, counts, strict=True)]
        for name, newest in zip(sums.names, sums.newest_micros.tolist(), strict=True):
            self.newest[name] = max(newest, self.newest.get(name, newest))

    def load(self, now: datetime) -> ShardState:
        """Return the shard as a process that starts at `now` loads it."""
        state, names = ShardState(now, is_deep=lambda _: True), self.series.names
        newest = np.array([self.newest[name] for name in names], np.int64)
        state.load_services(names, newest, np.zeros((len(names), 4), np.int64))
        for resolution in RESOLUTIONS:
            kept = {
                bucket: unpacked(packed)
                for (length, bucket), packed in self.blocks.items()
                if length == resolution and self._kept(resolution, bucket, now)
            }
            blocks = np.zeros((len(kept), len(names), COLUMNS), np.int64)
            for place, block in enumerate(kept.values()):
                blocks[place, : len(block)] = block
            state.load_blocks(resolution, names, np.array(list(kept), np.int64), blocks)
        return state

    def load_slow_counts(
        self, state: ShardState, service: str, threshold: float, now: datetime
    ) -> None:
        """Add a latency series, as when its target is first seen."""
        sums: dict[tuple[int, int], tuple[int, ...]] = {}
        for (length, name, bucket, bounds), counts in self.latency.items():
            if name == service and self._kept(length, bucket, now):
                old = sums.get((length, bucket), (0, 0, 0))
                more = slower_than(bounds, counts, threshold)
                summed = (min(a + b, SUM_LIMIT) for a, b in zip(old, more, strict=True))
                sums[length, bucket] = tuple(summed)
        rows = [
            SlowCount(service, threshold, length, bucket * length, *counted)
            for (length, bucket), counted in sums.items()
        ]
        state.load_slow_counts(service, threshold, rows)

    @staticmethod
    def _kept(resolution: int, bucket: int, now: datetime) -> bool:
        return bucket_end(bucket, resolution) > now - KEPT[resolution]
