"""Counts of a block of series in one ring of time buckets, and their sums over windows. Pure.

A bucket is (start, end] and is numbered by its end in units of its length: the number of
`instant` is ceil(instant / length). At `now` the anchor is the bucket that holds `now`; which
buckets up to it a window sums is the rule of `common.slo.windows`.
"""

import math
import mmap
from dataclasses import dataclass

import numpy as np

from common.arrays import Flags, Ints
from common.counts.layout import RESOLUTIONS, SUM_LIMIT
from common.slo.windows import bucket_seconds

_WRAPS = 2.0**62
_AHEAD_SECONDS = 600  # events may lie five minutes ahead of the broker, and it ahead of us
_MAX_BUCKETS = 1 << 12  # more than any window has, so that smaller counts never reach the limit
HUGE = SUM_LIMIT // _MAX_BUCKETS
"""A bucket above this may bring a sum to the limit, which cannot be subtracted from."""


def ring_of(window_seconds: int) -> int:
    """Return which of the rings serves a window: 0, 1 or 2."""
    return RESOLUTIONS.index(bucket_seconds(window_seconds))


@dataclass(frozen=True, slots=True)
class RunningWindow:
    """A window whose sums stand in a row of a table and follow the ring."""

    row: int
    buckets: int


class Ring:
    """Buckets of one length: `counts` is [group, bucket, total or bad, series of the group].

    A bucket's series lie side by side, so that to subtract one or to clear it is one sweep;
    groups let the memory of series that are not there yet stay untouched. `depth` is how many
    buckets a window may reach back, the anchor's included.
    """

    def __init__(
        self,
        length_seconds: int,
        windows: tuple[RunningWindow, ...],
        groups: tuple[int, int],
        anchor: int,
    ) -> None:
        self.length_seconds, self.windows, self.anchor = length_seconds, windows, anchor
        self.depth = max(window.buckets for window in windows)
        self._ahead = -(-_AHEAD_SECONDS // length_seconds)
        self._size = self.depth + self._ahead
        self._width = groups[1]
        self._newest = anchor  # no bucket after this one has counts
        self.counts = untouched_zeros((groups[0], self._size, 2, groups[1]))
        self._flat = self.counts.reshape(-1)

    def cells(self, columns: Ints) -> Ints:
        """Return where series have their totals; those of bucket b lie b rows further on."""
        group, column = np.divmod(columns, self._width)
        found: Ints = group * (self._size * 2 * self._width) + column
        return found

    def add(self, cells: Ints, buckets: Ints, counts: Ints) -> Flags | None:
        """Add counts [n, 2], leaving out what is out of reach; return which are huge, or None.

        A bucket of a series may stand up to 360 times: as often as it has finer ones.
        """
        reach = self._within(buckets)
        if not reach.all():
            cells, buckets, counts = cells[reach], buckets[reach], counts[reach]
        totals = cells + self._rows(buckets)
        self._newest = max(self._newest, int(buckets.max(initial=0)))
        np.add.at(self._flat, totals, counts[:, 0])
        np.add.at(self._flat, totals + self._width, counts[:, 1])
        large = self._flat[totals] > HUGE
        if not large.any():
            return None
        for places in (totals[large], totals[large] + self._width):
            self._flat[places] = np.minimum(self._flat[places], SUM_LIMIT)
        huge = np.zeros(len(reach), np.bool_)
        huge[np.flatnonzero(reach)[large]] = True
        return huge

    def put(self, cells: Ints, buckets: Ints, counts: Ints) -> None:
        """Set stored counts [bucket, total or bad, series]; each bucket stands once."""
        reach = np.flatnonzero(self._within(buckets))
        totals = self._rows(buckets[reach])[:, None] + cells
        self._newest = max(self._newest, int(buckets[reach].max(initial=0)))
        self._flat[totals] = counts[reach, 0]
        self._flat[totals + self._width] = counts[reach, 1]

    def clear(self, column: int) -> None:
        """Forget a series."""
        group, place = divmod(column, self._width)
        self.counts[group, :, :, place] = 0

    def advance(self, anchor: int, sums: Ints, touched: Flags) -> None:
        """Move the anchor on, and the running sums [row, group, total or bad, series] with it.

        `touched` [group, series] is set where sums have changed. Both have the groups in use.
        """
        steps = anchor - self.anchor
        if steps <= 0:
            return
        if 2 * steps * len(self.windows) > self.depth:  # it costs less to begin anew
            self._jump(anchor, len(touched))
            self.sum_again(sums)
            touched[:] = True
            return
        for _ in range(steps):
            self._step(sums, touched)

    def _rows(self, buckets: Ints) -> Ints:
        found: Ints = buckets % self._size * (2 * self._width)
        return found

    def _within(self, buckets: Ints) -> Flags:
        return (buckets > self.anchor - self.depth) & (buckets <= self.anchor + self._ahead)

    def _step(self, sums: Ints, touched: Flags) -> None:
        self.anchor += 1
        used = len(touched)
        if self.anchor <= self._newest:
            entering = self._bucket(self.anchor, used)
            touched |= entering[:, 0] != 0
            for window in self.windows:
                sums[window.row] += entering
        for window in self.windows:
            leaving = self._bucket(self.anchor - window.buckets, used)
            if not touched.all():
                touched |= leaving[:, 0] != 0
            sums[window.row] -= leaving
        # its place is that of the bucket that has just left the longest window
        self._bucket(self.anchor + self._ahead, used)[:] = 0

    def _jump(self, anchor: int, used: int) -> None:
        head = self.anchor + self._ahead
        fresh = np.arange(head + 1, anchor + self._ahead + 1)[-self._size :]
        for place in fresh % self._size:
            self.counts[:used, place] = 0
        self.anchor = anchor

    def _bucket(self, bucket: int, used: int) -> Ints:
        row: Ints = self.counts[:used, bucket % self._size]
        return row

    def sum_again(self, sums: Ints) -> None:
        """Set the running sums from the buckets. Those of huge series mean nothing afterwards."""
        for window in self.windows:
            sums[window.row] = 0
            for a, b in self._places(window.buckets):
                sums[window.row] += self.counts[: sums.shape[1], a:b].sum(1)

    def _places(self, buckets: int) -> list[tuple[int, int]]:
        """Return the one or two ranges of places that hold the window's buckets."""
        end = self.anchor % self._size + 1
        start = end - buckets
        if start >= 0:
            return [(start, end)]
        return [(0, end), (self._size + start, self._size)]

    def window_sums(self, cells: Ints, buckets: int) -> Ints:
        """Return [total or bad, n] over the window that ends at the anchor, up to the limit."""
        last = np.arange(self.anchor - min(buckets, self.depth) + 1, self.anchor + 1)
        both = np.concatenate([cells, cells + self._width])
        kept = self._flat.take(self._rows(last)[:, None] + both)
        found: Ints = np.minimum(kept.sum(0), SUM_LIMIT)
        found[kept.sum(0, dtype=np.float64) > _WRAPS] = SUM_LIMIT
        return found.reshape(2, -1)


def untouched_zeros(shape: tuple[int, ...]) -> Ints:
    """Return zeros that take memory as they are touched, by 4 kB and not by huge pages."""
    length = math.prod(shape) * np.dtype(np.int64).itemsize
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.int64).reshape(shape)
