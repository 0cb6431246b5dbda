"""What PostgreSQL would hold of a shard: rows added as they are stored, read as they are loaded."""

from datetime import datetime

import numpy as np

from burnrate.recovery_repository import KEPT, blocks_of
from burnrate.repository import bucket_end
from burnrate.rings import RESOLUTIONS
from burnrate.shard_state import ShardState
from burnrate.tally import Bounds, Count, Tally, stored_counts, stored_latency
from common.clock import to_micros


class KeptRows:
    """The tables `count`, `latency` and `service` of one shard."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, str, int], Count] = {}
        self.latency: dict[tuple[int, str, int, Bounds], list[int]] = {}
        self.newest: dict[str, datetime] = {}

    def add(self, sums: Tally, appended_at: datetime) -> None:
        """Store a batch."""
        for key, count in stored_counts(sums, appended_at).items():
            self.counts.setdefault(key, Count()).add(count)
        for place, counts in stored_latency(sums, appended_at).items():
            old = self.latency.get(place, [0] * len(counts))
            self.latency[place] = [a + b for a, b in zip(old, counts, strict=True)]
        for name, newest in sums.newest.items():
            self.newest[name] = max(newest, self.newest.get(name, newest))

    def load(self, now: datetime) -> ShardState:
        """Return the shard as a process that starts at `now` loads it."""
        state = ShardState(now, is_deep=lambda _: True)
        for name, newest in self.newest.items():
            state.load_services([name], np.array([to_micros(newest)]), np.zeros((1, 4), np.int64))
        for resolution in RESOLUTIONS:
            rows = [
                (name, bucket, count.total, count.bad, count.window_seconds)
                for (length, name, bucket), count in self.counts.items()
                if length == resolution and self._kept(resolution, bucket, now)
            ]
            state.load_blocks(resolution, *blocks_of(rows))
        return state

    def load_latency(
        self, state: ShardState, service: str, threshold: float, now: datetime
    ) -> None:
        """Add a latency series, as when its target is first seen."""
        rows = [
            (length, bucket, bounds, counts)
            for (length, name, bucket, bounds), counts in self.latency.items()
            if name == service and self._kept(length, bucket, now)
        ]
        state.load_latency(service, threshold, rows)

    @staticmethod
    def _kept(resolution: int, bucket: int, now: datetime) -> bool:
        return bucket_end(bucket, resolution) > now - KEPT[resolution]
