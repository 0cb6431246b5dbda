"""Counts of many series in rings of time buckets, and their sums over any window.

A bucket is (start, end] and is numbered by its end in units of its length: the number of
`instant` is ceil(instant / length). At `now` the anchor is the bucket that holds `now`; a window
of W seconds sums the buckets with anchor - W < end <= anchor. Ten-second buckets serve windows
up to an hour, minutes up to a day, hours above.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.clock import MICROSECONDS
from common.events import COUNT_LIMIT
from common.slo import LONGEST_WINDOW_DAYS

Ints = NDArray[np.int64]

TEN_SECONDS, MINUTE, HOUR = 10, 60, 3600
RESOLUTIONS = (TEN_SECONDS, MINUTE, HOUR)
SUM_LIMIT = COUNT_LIMIT - 1
"""Sums stop where an event's counts do: readers of JSON hold no more, nor do integers for ever."""
_WRAPS = 2.0**62
_AHEAD_SECONDS = 600  # events may lie five minutes ahead of the broker, and it ahead of us


def bucket_of(micros: int, length_seconds: int) -> int:
    """Return the number of the bucket that holds an instant (microseconds since 1970)."""
    return -(-micros // (length_seconds * MICROSECONDS))


@dataclass(slots=True)
class _Ring:
    length_seconds: int
    depth: int  # buckets a window may reach back, the anchor's included
    counts: Ints  # [series, total or bad, bucket]
    anchor: int

    @property
    def ahead(self) -> int:
        return -(-_AHEAD_SECONDS // self.length_seconds)

    def advance(self, anchor: int) -> None:
        """Move the anchor on, clearing the buckets that come into reach."""
        size = self.counts.shape[2]
        head = self.anchor + self.ahead
        fresh = np.arange(head + 1, anchor + self.ahead + 1)[-size:]
        self.counts[:, :, fresh % size] = 0
        self.anchor = anchor

    def add(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add counts [n, 2]; what is out of the ring's reach is left out."""
        reach = (buckets > self.anchor - self.depth) & (buckets <= self.anchor + self.ahead)
        size = self.counts.shape[2]
        flat = self.counts.reshape(-1)
        for column in (0, 1):
            cells = (2 * series[reach] + column) * size + buckets[reach] % size
            np.add.at(flat, cells, counts[reach, column])
            flat[cells] = np.minimum(flat[cells], SUM_LIMIT)

    def sums(self, series: Ints, window_seconds: int) -> Ints:
        """Return [n, 2] sums over the window that ends at the anchor."""
        size = self.counts.shape[2]
        back = min(-(-window_seconds // self.length_seconds), self.depth)
        columns = np.arange(self.anchor - back + 1, self.anchor + 1) % size
        buckets = self.counts[series][:, :, columns]
        wrapped = buckets.sum(axis=2, dtype=np.float64) > _WRAPS
        found: Ints = np.minimum(buckets.sum(axis=2), SUM_LIMIT)
        found[wrapped] = SUM_LIMIT
        return found


class Rings:
    """The three rings of a set of series, kept together as time goes on."""

    def __init__(self, now_micros: int) -> None:
        self._rings = tuple(
            _Ring(length, depth, np.zeros((0, 2, 0), np.int64), bucket_of(now_micros, length))
            for length, depth in (
                (TEN_SECONDS, HOUR // TEN_SECONDS),
                (MINUTE, 24 * 60),
                (HOUR, LONGEST_WINDOW_DAYS * 24),
            )
        )
        self._used = 0
        self._grow(16)

    def new_series(self) -> int:
        """Return the index of a new series, all zero."""
        if self._used == self._rings[0].counts.shape[0]:
            self._grow(2 * self._used)
        self._used += 1
        return self._used - 1

    def advance(self, now_micros: int) -> None:
        """Let windows end at the bucket that holds `now`. Time does not go back."""
        for ring in self._rings:
            anchor = bucket_of(now_micros, ring.length_seconds)
            if anchor > ring.anchor:
                ring.advance(anchor)

    def add_all(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add ten-second buckets [n] with counts [n, 2] (total, bad) to every ring."""
        for ring in self._rings:
            coarser = ring.length_seconds // TEN_SECONDS
            ring.add(series, -(-buckets // coarser), counts)

    def add_at(self, resolution: int, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add stored buckets to the ring of their own resolution."""
        self._rings[RESOLUTIONS.index(resolution)].add(series, buckets, counts)

    def sums(self, series: Ints, window_seconds: Ints) -> Ints:
        """Return [n, 2] totals and bads of n series, each over a window of its own length."""
        result = np.zeros((len(series), 2), np.int64)
        for seconds in np.unique(window_seconds):
            chosen = window_seconds == seconds
            result[chosen] = self._ring_for(int(seconds)).sums(series[chosen], int(seconds))
        return result

    def _ring_for(self, window_seconds: int) -> _Ring:
        if window_seconds <= HOUR:
            return self._rings[0]
        return self._rings[1] if window_seconds <= 24 * HOUR else self._rings[2]

    def _grow(self, capacity: int) -> None:
        for ring in self._rings:
            size = ring.depth + ring.ahead
            wider = np.zeros((capacity, 2, size), np.int64)
            wider[: self._used] = ring.counts[: self._used] if self._used else 0
            ring.counts = wider
