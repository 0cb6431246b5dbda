"""How counts are stored: buckets of time, and blocks with a row for each service. Pure.

A bucket is (start, end] and is numbered by its end in units of its length. A block is one bucket
of one shard: a row of total, bad and shortest report (seconds, 0: none) for each slot, and a slot
for each service that the shard ever had.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from common.admission.metric_events import HISTORY_AGE
from common.arrays import Ints
from common.config.clock import MICROSECONDS, from_micros
from common.events import COUNT_LIMIT
from common.slo.windows import BUCKETS, HOUR, MINUTE

Bounds = tuple[float, ...]
"""The upper bounds of a latency histogram, in seconds; its last count is of what lies above."""

BlockKey = tuple[int, int]
"""The block of a shard: its resolution in seconds, and its bucket's number."""

RESOLUTIONS: Final = BUCKETS
TEN_SECONDS: Final = BUCKETS[0]

COLUMNS: Final = 3
ROW_BYTES: Final = 8 * COLUMNS

SUM_LIMIT: Final = COUNT_LIMIT - 1
"""Sums stop where an event's counts do: readers of JSON hold no more, nor do integers for ever."""

MINUTES_READ_SECONDS: Final = 48 * HOUR
"""How far back minutes are read; before it, hours."""

KEPT: Final = {  # longer than is read, so that no bucket at the edge is in part missing
    TEN_SECONDS: timedelta(hours=2),
    MINUTE: timedelta(seconds=MINUTES_READ_SECONDS, hours=2),
    HOUR: HISTORY_AGE + timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Buckets of one length with since < end <= until (seconds since 1970; None: all newer)."""

    resolution_seconds: int
    since: int
    until: int | None = None


class SlowCount(NamedTuple):
    """The timed requests of a service in one bucket, held against a threshold.

    `bad` are those that may have been slower; of these, `uncertain` lie in a bucket of their
    histogram that straddles the threshold.
    """

    service: str
    threshold_seconds: float
    resolution_seconds: int
    ended: int
    total: int
    bad: int
    uncertain: int = 0


def bucket_of(micros: int, length_seconds: int) -> int:
    """Return the number of the bucket that holds an instant (microseconds since 1970)."""
    return -(-micros // (length_seconds * MICROSECONDS))


def bucket_end(bucket: int, length_seconds: int) -> datetime:
    """Return the end of a bucket, the instant that names its row."""
    return from_micros(bucket * length_seconds * MICROSECONDS)


def slower_than(
    bounds: Bounds, counts: Sequence[int], threshold_seconds: float
) -> tuple[int, int, int]:
    """Return a histogram's (total, bad, uncertain) for a latency threshold.

    What lies wholly below the threshold is good and what lies wholly above it is bad. The bucket
    that straddles it, if any, is uncertain, and counts as bad.
    """
    within = bisect_right(bounds, threshold_seconds)
    exact = within > 0 and bounds[within - 1] == threshold_seconds
    found = sum(counts), sum(counts[within:]), 0 if exact else counts[within]
    total, bad, uncertain = (min(count, SUM_LIMIT) for count in found)
    return total, bad, uncertain


def unpacked(stored: bytes) -> Ints:
    """Return the rows [slots, 3] of a stored block, which must not be changed."""
    return np.frombuffer(stored, "<i8").reshape(-1, COLUMNS)
