"""Which events were counted: the keys of each hour, sorted and packed. Pure.

The hour is that of the event's timestamp: whoever sends an event again sends the same one. There
are two sets of them: of what may come again live, and of what was imported, however old.

A dedup key is 128 bits of an event's identity and 32 bits of its content, 20 bytes in memory and on
disk. They stand in two sorted runs, a large one and a small one that takes what is new, so that
adding costs little and no slot is left empty: the small run is merged into the large one when it
has grown to an eighth of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnrate.ingest.aggregation import Repeats
from burnrate.ingest.columns import Columns
from common.admission.identity import Hashes, Keys
from common.arrays import Flags, Ints
from common.config.clock import MICROSECONDS
from common.slo.windows import HOUR

Halves = NDArray[np.uint64]

_HOUR_MICROS = HOUR * MICROSECONDS
DEDUP_KEY = np.dtype([("low", "<u8"), ("high", "<u8"), ("content", "<u4")])
_LEAST_MERGE = 4096
_MERGE_SHARE = 8


@dataclass(frozen=True, slots=True)
class _Run:
    low: Halves  # sorted
    high: Halves
    content: Hashes

    def find(self, low: Halves, high: Halves) -> Ints:
        """Return [n] positions of n keys, -1 where they are not in the run."""
        found: Ints = np.full(len(low), -1, np.int64)
        if not len(self.low):
            return found
        at = np.searchsorted(self.low, low)
        inside = np.minimum(at, len(self.low) - 1)
        near = self.low[inside] == low
        same = near & (self.high[inside] == high)
        found[same] = inside[same]
        for row in np.flatnonzero(near & ~same):  # keys that share a half: next to never
            found[row] = self._search(int(at[row]), low[row], high[row])
        return found

    def _search(self, position: int, low: np.uint64, high: np.uint64) -> int:
        while position < len(self.low) and self.low[position] == low:
            if self.high[position] == high:
                return position
            position += 1
        return -1

    def merged(self, other: "_Run") -> "_Run":
        """Return both as one run."""
        if not len(self.low) or not len(other.low):
            return self if len(self.low) else other
        at = np.searchsorted(self.low, other.low)
        return _Run(
            np.insert(self.low, at, other.low),
            np.insert(self.high, at, other.high),
            np.insert(self.content, at, other.content),
        )


_EMPTY = _Run(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.uint32))


class HourDedupKeys:
    """The dedup keys of one hour of one shard."""

    def __init__(self) -> None:
        self._large = self._small = _EMPTY

    def __len__(self) -> int:
        return len(self._large.low) + len(self._small.low)

    def add(self, keys: Keys, content: Hashes) -> tuple[Flags, Flags]:
        """Add n keys; return which of them are new, and which have other content than the first."""
        order, begins = _sorted_groups(keys)
        low, high, own = keys[order, 0], keys[order, 1], content[order]
        known = np.zeros(len(keys), np.bool_)
        # of a key that is not known yet the first of the batch stands
        first = own[begins][np.cumsum(begins) - 1]
        for run in (self._large, self._small):
            at = run.find(low, high)
            here = at >= 0
            known |= here
            first[here] = run.content[at[here]]
        fresh = begins & ~known
        self._merge(_Run(low[fresh], high[fresh], own[fresh]))
        new, conflict = np.empty_like(fresh), np.empty_like(fresh)
        new[order], conflict[order] = fresh, own != first
        return new, conflict

    def _merge(self, run: _Run) -> None:
        self._small = self._small.merged(run)
        if len(self._small.low) > max(_LEAST_MERGE, len(self._large.low) // _MERGE_SHARE):
            self._large, self._small = self._large.merged(self._small), _EMPTY

    def load(self, packed: bytes) -> None:
        """Add dedup keys as `packed` wrote them."""
        keys = np.frombuffer(packed, DEDUP_KEY)
        low = np.ascontiguousarray(keys["low"])
        order = sorted_order(low)
        self._merge(_Run(low[order], keys["high"][order], keys["content"][order]))


def packed(keys: Keys, content: Hashes) -> bytes:
    """Return dedup keys as they are stored."""
    rows = np.empty(len(keys), DEDUP_KEY)
    rows["low"], rows["high"], rows["content"] = keys[:, 0], keys[:, 1], content
    return rows.tobytes()


def sorted_order(values: Halves) -> Ints:
    """Return the order that sorts n values, equal ones as they stand.

    The rows are put into the lowest bits and sorted with them, which NumPy does several times as
    fast as it sorts rows by values; hashes next to never differ in those bits alone.
    """
    mask = np.uint64((1 << len(values).bit_length()) - 1)
    tagged = (values & ~mask) | np.arange(len(values), dtype=np.uint64)
    tagged.sort()
    order: Ints = (tagged & mask).astype(np.int64)
    ordered = values[order]
    if (ordered[1:] < ordered[:-1]).any():
        return np.argsort(values, kind="stable")
    return order


def _sorted_groups(keys: Keys) -> tuple[Ints, Flags]:
    """Return the order that sorts keys, the first of each in front, and which rows begin one."""
    order = sorted_order(keys[:, 0])
    low, high = keys[order, 0], keys[order, 1]
    same_low = low[1:] == low[:-1]
    if np.any(same_low & (high[1:] != high[:-1])):  # keys that share a half: next to never
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        low, high = keys[order, 0], keys[order, 1]
        same_low = low[1:] == low[:-1]
    begins = np.ones(len(keys), np.bool_)
    begins[1:] = ~(same_low & (high[1:] == high[:-1]))
    return order, begins


@dataclass(frozen=True, slots=True)
class Checked:
    """Which of n events repeat one, and say something else; the keys that are new, by hour."""

    repeated: Flags
    conflict: Flags
    added: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """What a batch counts, and what it repeats."""

    counted: Columns
    repeats: Repeats


class ShardDedupKeys:
    """The hours of a shard that were touched last; hours are numbered since 1970."""

    def __init__(self, max_held: int) -> None:
        self._hours: dict[int, HourDedupKeys] = {}
        self._max_held = max_held

    def missing(self, columns: Columns, chosen: Flags) -> list[int]:
        """Return the hours that must be put here before the chosen events are checked."""
        return [hour for hour in _distinct(_hours(columns)[chosen]) if hour not in self._hours]

    def put(self, hours: Iterable[int], stored: Mapping[int, bytes]) -> None:
        """Hold hours as they are stored; those that are not stored are empty."""
        for hour in hours:
            keys = self._hours[hour] = HourDedupKeys()
            keys.load(stored.get(hour, b""))

    def check(self, columns: Columns, chosen: Flags) -> Checked:
        """Add the keys of the chosen events; of each identity all but the first are repeats."""
        repeated = np.zeros(len(columns), np.bool_)
        conflict = np.zeros(len(columns), np.bool_)
        added: dict[int, bytes] = {}
        hours = _hours(columns)
        for hour in _distinct(hours[chosen]):
            rows = np.flatnonzero(chosen & (hours == hour))
            held = self._hours[hour] = self._hours.pop(hour)  # last: forgotten last
            keys, content = columns.keys[rows], columns.content[rows]
            new, conflict[rows] = held.add(keys, content)
            repeated[rows] = ~new
            if new.any():
                added[hour] = packed(keys[new], content[new])
        self._forget()
        return Checked(repeated, conflict, added)

    def _forget(self) -> None:
        held = sum(map(len, self._hours.values()))
        while held > self._max_held and len(self._hours) > 1:
            held -= len(self._hours.pop(next(iter(self._hours))))


def without_repeats(columns: Columns, checked: Iterable[Checked]) -> Deduplicated:
    """Leave out of a batch what repeats an event in any of the sets."""
    repeated = np.zeros(len(columns), np.bool_)
    conflict = np.zeros(len(columns), np.bool_)
    for one in checked:
        repeated |= one.repeated
        conflict |= one.conflict
    repeats = Repeats(columns.slot[repeated], conflict[repeated])
    return Deduplicated(columns.rows(~repeated) if repeated.any() else columns, repeats)


def _hours(columns: Columns) -> Ints:
    return columns.micros // _HOUR_MICROS


def _distinct(hours: Ints) -> list[int]:
    """Return the hours of a batch, rising; they lie close together, so that no sort is needed."""
    if not len(hours):
        return []
    first = int(hours.min())
    found: list[int] = (np.flatnonzero(np.bincount(hours - first)) + first).tolist()
    return found
