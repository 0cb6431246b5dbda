"""Counts of many series in the newest buckets of one length. Pure.

A bucket is (start, end] and is numbered by its end in units of its length.
"""

import numpy as np

from common.arrays import Floats, Ints


class Timeline:
    """A ring of buckets: `counts` is [bucket, series, total or bad]; what is not put is zero."""

    def __init__(self, depth: int, width: int, anchor: int) -> None:
        self.depth, self.anchor = depth, anchor
        self._counts = np.zeros((depth, width, 2))

    def widen(self, width: int) -> None:
        """Make room for so many series."""
        more = width - self._counts.shape[1]
        if more > 0:
            empty = np.zeros((self.depth, more, 2))
            self._counts = np.concatenate((self._counts, empty), axis=1)

    def advance(self, anchor: int) -> None:
        """Let `anchor` be the newest bucket; those that are new are empty."""
        steps = anchor - self.anchor
        if steps > 0:
            fresh = np.arange(anchor - min(steps, self.depth) + 1, anchor + 1)
            self._counts[fresh % self.depth] = 0
            self.anchor = anchor

    def put(self, bucket: int, counts: Ints) -> None:
        """Set the counts [series, total or bad] of a bucket, from the first series on.

        A bucket out of reach is left out, and so are those that lie ahead of the anchor: they are
        put again once it is there.
        """
        self.widen(len(counts))
        if self.anchor - self.depth < bucket <= self.anchor:
            self._counts[bucket % self.depth, : len(counts)] = counts

    def newest(self, series: int, length: int) -> Floats:
        """Return [total or bad, length] of a series, the anchor last; zeros before its depth."""
        kept = min(length, self.depth)
        places = np.arange(self.anchor - kept + 1, self.anchor + 1) % self.depth
        found = np.zeros((2, length))
        found[:, length - kept :] = self._counts[places, series].T
        return found
