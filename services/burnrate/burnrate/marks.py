"""Which events were counted: the keys of each hour, sorted and packed. Pure.

The hour is that of the event's timestamp: whoever sends an event again sends the same one.

A mark is the 128-bit key of an event and 32 bits of its content, 20 bytes in memory and on disk.
The keys stand in two sorted runs, a large one and a small one that takes what is new, so that
adding costs little and no slot is left empty: the small run is merged into the large one when it
has grown to an eighth of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnrate.columns import Columns
from burnrate.tally import Repeats
from common.clock import MICROSECONDS
from common.identity import Hashes, Keys

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_HOUR_MICROS = 3600 * MICROSECONDS
MARK = np.dtype([("low", "<u8"), ("high", "<u8"), ("content", "<u4")])
_LEAST_MERGE = 4096
_MERGE_SHARE = 8


@dataclass(frozen=True, slots=True)
class _Run:
    low: NDArray[np.uint64]  # sorted
    high: NDArray[np.uint64]
    content: Hashes

    def find(self, keys: Keys) -> Ints:
        """Return [n] positions of n keys, -1 where they are not in the run."""
        low = keys[:, 0]
        at = np.searchsorted(self.low, low)
        inside = np.minimum(at, len(self.low) - 1)
        found: Ints = np.full(len(keys), -1, np.int64)
        if not len(self.low):
            return found
        near = self.low[inside] == low
        same = near & (self.high[inside] == keys[:, 1])
        found[same] = inside[same]
        for row in np.flatnonzero(near & ~same):  # keys that share a half: next to never
            found[row] = self._search(int(at[row]), keys[row])
        return found

    def _search(self, position: int, key: Keys) -> int:
        while position < len(self.low) and self.low[position] == key[0]:
            if self.high[position] == key[1]:
                return position
            position += 1
        return -1

    def merged(self, other: "_Run") -> "_Run":
        """Return both as one run."""
        at = np.searchsorted(self.low, other.low)
        return _Run(
            np.insert(self.low, at, other.low),
            np.insert(self.high, at, other.high),
            np.insert(self.content, at, other.content),
        )


def _sorted_run(keys: Keys, content: Hashes) -> _Run:
    order = np.argsort(keys[:, 0], kind="stable")
    return _Run(keys[order, 0], keys[order, 1], content[order])


_EMPTY = _Run(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.uint32))


class HourMarks:
    """The marks of one hour of one shard."""

    def __init__(self) -> None:
        self._large = self._small = _EMPTY

    def __len__(self) -> int:
        return len(self._large.low) + len(self._small.low)

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return MARK.itemsize * len(self)

    def known(self, keys: Keys) -> tuple[Bools, Hashes]:
        """Return which of n keys are marked, and the content of those that are (0 elsewhere)."""
        content = np.zeros(len(keys), np.uint32)
        marked = np.zeros(len(keys), np.bool_)
        for run in (self._large, self._small):
            at = run.find(keys)
            here = at >= 0
            content[here] = run.content[at[here]]
            marked |= here
        return marked, content

    def add(self, keys: Keys, content: Hashes) -> None:
        """Mark keys; none of them may be marked, nor stand twice."""
        self._small = self._small.merged(_sorted_run(keys, content))
        if len(self._small.low) > max(_LEAST_MERGE, len(self._large.low) // _MERGE_SHARE):
            self._large, self._small = self._large.merged(self._small), _EMPTY

    def load(self, packed: bytes) -> None:
        """Add marks as `packed` wrote them."""
        marks = np.frombuffer(packed, MARK)
        keys = np.stack([marks["low"], marks["high"]], axis=1)
        self.add(keys, marks["content"].copy())


def packed(keys: Keys, content: Hashes) -> bytes:
    """Return marks as they are stored."""
    marks = np.empty(len(keys), MARK)
    marks["low"], marks["high"], marks["content"] = keys[:, 0], keys[:, 1], content
    return marks.tobytes()


def first_of_each(keys: Keys) -> Ints:
    """Return [n] for each key the row where it stands first."""
    order = np.argsort(keys[:, 0], kind="stable")
    low, high = keys[order, 0], keys[order, 1]
    same_low = low[1:] == low[:-1]
    if np.any(same_low & (high[1:] != high[:-1])):  # keys that share a half: next to never
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        low, high = keys[order, 0], keys[order, 1]
        same_low = low[1:] == low[:-1]
    begins = np.ones(len(keys), np.bool_)
    begins[1:] = ~(same_low & (high[1:] == high[:-1]))
    first: Ints = np.empty(len(keys), np.int64)
    first[order] = order[begins][np.cumsum(begins) - 1]
    return first


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch counts, what it repeats, and the marks that are new (packed, by hour)."""

    counted: Columns
    repeats: Repeats
    added: Mapping[int, bytes]


class ShardMarks:
    """The hours of a shard that were touched last; hours are numbered since 1970."""

    def __init__(self, held_marks: int) -> None:
        self._hours: dict[int, HourMarks] = {}
        self._held_marks = held_marks

    def missing(self, columns: Columns) -> list[int]:
        """Return the hours that must be put here before the events are judged."""
        return [hour for hour in np.unique(_hours(columns)).tolist() if hour not in self._hours]

    def put(self, hours: Iterable[int], stored: Mapping[int, bytes]) -> None:
        """Hold hours as they are stored; those that are not stored are empty."""
        for hour in hours:
            marks = self._hours[hour] = HourMarks()
            marks.load(stored.get(hour, b""))

    def count_once(self, columns: Columns) -> Verdict:
        """Mark the events of a batch; of each identity the first counts, and what has none."""
        repeated = np.zeros(len(columns), np.bool_)
        conflict = np.zeros(len(columns), np.bool_)
        added: dict[int, bytes] = {}
        hours = _hours(columns)
        for hour in np.unique(hours).tolist():
            rows = np.flatnonzero(columns.identified & (hours == hour))
            if not len(rows):
                continue
            marks = self._hours[hour] = self._hours.pop(hour)  # last: forgotten last
            keys, content = columns.keys[rows], columns.content[rows]
            first = first_of_each(keys)
            known, stands = marks.known(keys)
            own = first == np.arange(len(rows))
            new = own & ~known
            repeated[rows] = ~new
            conflict[rows] = content != np.where(known, stands, content[first])
            if new.any():
                marks.add(keys[new], content[new])
                added[hour] = packed(keys[new], content[new])
        self._forget()
        repeats = Repeats(columns.slot[repeated], conflict[repeated])
        return Verdict(columns.rows(~repeated) if repeated.any() else columns, repeats, added)

    def _forget(self) -> None:
        held = sum(map(len, self._hours.values()))
        while held > self._held_marks and len(self._hours) > 1:
            held -= len(self._hours.pop(next(iter(self._hours))))


def _hours(columns: Columns) -> Ints:
    return columns.micros // _HOUR_MICROS
