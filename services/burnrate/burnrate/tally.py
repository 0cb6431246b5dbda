"""What a batch of events adds to the counts, and where its buckets are kept. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from burnrate.batch_sums import BatchSums, Ints
from burnrate.columns import Bools, Columns
from burnrate.rings import HOUR, MINUTE, RESOLUTIONS, SUM_LIMIT, TEN_SECONDS
from burnrate.slots import Slots
from common.clock import MICROSECONDS
from common.events import IngestCounters

# longer than any window that is read from them, so that no bucket at the edge is in part missing
KEPT_TEN_SECONDS = timedelta(hours=2)
KEPT_MINUTES = timedelta(hours=50)

Bounds = tuple[float, ...]
_MINOR_BITS = 32  # slots and ten-second buckets both need fewer
_NEVER = -1
_WRAPS = 2.0**62


@dataclass(frozen=True, slots=True)
class Count:
    """Total and bad of one bucket."""

    total: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Repeats:
    """Events that were counted before, by slot, and which of them said something else."""

    slot: Ints  # [m]
    conflict: Bools  # [m]


NO_REPEATS = Repeats(np.zeros(0, np.int64), np.zeros(0, np.bool_))


def sum_up(columns: Columns, slots: Slots, repeats: Repeats = NO_REPEATS) -> BatchSums:
    """Return the sums of a batch of events that count, and the oddities of all that came."""
    touched = np.union1d(columns.slot, repeats.slot)
    service = np.searchsorted(touched, columns.slot)
    bucket = -(-columns.micros // (TEN_SECONDS * MICROSECONDS))
    order, starts = _groups(service, bucket)
    counts = np.stack((columns.total, columns.bad), axis=1)
    newest = np.full(len(touched), _NEVER, np.int64)
    np.maximum.at(newest, service, columns.micros)
    names = tuple(slots.names_of(touched.tolist()))
    first = order[starts]
    return BatchSums(
        names=names,
        service=service[first],
        bucket=bucket[first],
        counts=_group_sums(counts[order], starts),
        window_seconds=_group_most(columns.window_seconds[order], starts),
        newest_micros=newest,
        oddities=_oddities(columns, repeats, slots),
        latency=_histograms(columns, bucket, slots),
    )


def _groups(major: Ints, minor: Ints) -> tuple[Ints, Ints]:
    """Return the order that sorts by (major, minor), and where in it each pair begins."""
    key = (major << _MINOR_BITS) + minor
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    begins = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate((np.zeros(min(1, len(key)), np.int64), begins))
    return order, starts


def _group_sums(counts: Ints, starts: Ints) -> Ints:
    """Return [groups, 2] sums of [n, 2] counts, which stop at SUM_LIMIT."""
    if not len(starts):
        return counts
    if float(counts.max()) * len(counts) < _WRAPS:
        return np.minimum(np.add.reduceat(counts, starts, axis=0), SUM_LIMIT)
    # Python's integers, since a thousand huge counts would wrap 64 bits
    exact = np.add.reduceat(counts.astype(object), starts, axis=0)
    return np.minimum(exact, SUM_LIMIT).astype(np.int64)


def _group_most(values: Ints, starts: Ints) -> Ints:
    return np.maximum.reduceat(values, starts) if len(starts) else values


def _oddities(columns: Columns, repeats: Repeats, slots: Slots) -> dict[str, IngestCounters]:
    grown = {
        "duplicates": repeats.slot,
        "event_id_conflicts": repeats.slot[repeats.conflict],
        "unidentified": columns.slot[columns.anonymous],
        "misrouted": columns.slot[columns.misrouted],
    }
    found: dict[int, dict[str, int]] = {}
    for counter, odd in grown.items():
        for slot, times in zip(*np.unique(odd, return_counts=True), strict=True):
            found.setdefault(int(slot), {})[counter] = int(times)
    return {slots.names[slot]: IngestCounters(**grown_by) for slot, grown_by in found.items()}


def _histograms(
    columns: Columns, bucket: Ints, slots: Slots
) -> dict[tuple[str, int, Bounds], list[int]]:
    found: dict[tuple[str, int, Bounds], list[int]] = {}
    for row in np.flatnonzero(columns.latency != None):  # noqa: E711 - elementwise
        latency = columns.latency[row]
        key = (slots.names[columns.slot[row]], int(bucket[row]), latency.bounds)
        found[key] = _added(found.get(key), latency.counts)
    return found


def _added(old: Sequence[int] | None, counts: Sequence[int]) -> list[int]:
    given = old or [0] * len(counts)
    return [min(a + b, SUM_LIMIT) for a, b in zip(given, counts, strict=True)]


def coarsen(bucket: int, resolution: int) -> int:
    """Return the number of the bucket of `resolution` seconds that holds a ten-second bucket."""
    return -(-bucket // (resolution // TEN_SECONDS))


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of one resolution by (bucket, slot), rising; each pair stands once."""

    bucket: Ints
    slot: Ints
    counts: Ints  # [n, 3]: total, bad, longest report


def stored_cells(sums: BatchSums, slots: Slots, appended_micros: int) -> dict[int, Cells]:
    """Return the cells of each resolution at which they are still kept."""
    slot_of = np.array([slots.index[name] for name in sums.names], np.int64)
    age = appended_micros - sums.bucket * (TEN_SECONDS * MICROSECONDS)
    found = {}
    for resolution in RESOLUTIONS:
        kept = age <= _kept_micros(resolution)
        bucket = -(-sums.bucket[kept] // (resolution // TEN_SECONDS))
        slot = slot_of[sums.service[kept]]
        order, starts = _groups(bucket, slot)
        first = order[starts]
        counts = _group_sums(sums.counts[kept][order], starts)
        window = _group_most(sums.window_seconds[kept][order], starts)
        cells = np.concatenate((counts, window[:, None]), axis=1)
        found[resolution] = Cells(bucket[first], slot[first], cells)
    return found


def stored_latency(
    sums: BatchSums, appended_micros: int
) -> dict[tuple[int, str, int, Bounds], list[int]]:
    """Return the histograms by (resolution, service, bucket number, bounds)."""
    rows: dict[tuple[int, str, int, Bounds], list[int]] = {}
    for (service, bucket, bounds), counts in sums.latency.items():
        for resolution in kept_resolutions(bucket, appended_micros):
            key = (resolution, service, coarsen(bucket, resolution), bounds)
            rows[key] = _added(rows.get(key), counts)
    return rows


def kept_resolutions(bucket: int, appended_micros: int) -> tuple[int, ...]:
    """Return the resolutions at which a ten-second bucket of that age is kept, finest first."""
    age = appended_micros - bucket * TEN_SECONDS * MICROSECONDS
    return tuple(r for r in RESOLUTIONS if age <= _kept_micros(r))


def _kept_micros(resolution: int) -> float:
    if resolution == HOUR:
        return float("inf")
    kept = KEPT_MINUTES if resolution == MINUTE else KEPT_TEN_SECONDS
    return kept.total_seconds() * MICROSECONDS


def within_threshold(bounds: Bounds, counts: Iterable[int], threshold: float) -> Count | None:
    """Return (total, bad) of a histogram for a latency threshold; None if that is no bound."""
    if threshold not in bounds:
        return None
    values = list(counts)
    total = sum(values)
    bad = total - sum(values[: bounds.index(threshold) + 1])
    return Count(min(total, SUM_LIMIT), min(bad, SUM_LIMIT))
