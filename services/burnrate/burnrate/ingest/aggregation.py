"""What a batch of events adds to the counts, and where its buckets are kept. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np

from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.batch_delta import BatchDelta
from burnrate.ingest.columns import Bools, Columns
from burnrate.windows.rings import RESOLUTIONS, SUM_LIMIT, TEN_SECONDS, Ints
from common.config.clock import MICROSECONDS
from common.events import IngestCounters
from common.slo.windows import HOUR, MINUTE

# longer than any window that is read from them, so that no bucket at the edge is in part missing
KEPT_TEN_SECONDS = timedelta(hours=2)
KEPT_MINUTES = timedelta(hours=50)

Bounds = tuple[float, ...]
_SLOT_BITS = 32
_KEPT_MICROS = {
    TEN_SECONDS: KEPT_TEN_SECONDS // timedelta(microseconds=1),
    MINUTE: KEPT_MINUTES // timedelta(microseconds=1),
    HOUR: 2**62,  # until it is purged
}
_NEVER = -1
_WRAPS = 2.0**62


@dataclass(frozen=True, slots=True)
class Count:
    """Total and bad of one bucket."""

    total: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of one resolution by (bucket, slot), rising; each pair stands once."""

    bucket: Ints
    slot: Ints
    counts: Ints  # [n, 3]: total, bad, longest report


@dataclass(frozen=True, slots=True)
class Repeats:
    """Events that were counted before, by slot, and which of them said something else."""

    slot: Ints  # [m]
    conflict: Bools  # [m]


NO_REPEATS = Repeats(np.zeros(0, np.int64), np.zeros(0, np.bool_))


def sum_up(columns: Columns, series: SeriesIndex, repeats: Repeats = NO_REPEATS) -> BatchDelta:
    """Return the sums of a batch of events that count, and the oddities of all that came."""
    touched = np.zeros(len(series), np.bool_)
    touched[columns.slot] = touched[repeats.slot] = True
    own = np.flatnonzero(touched)
    service = (np.cumsum(touched) - 1)[columns.slot]
    bucket = -(-columns.micros // (TEN_SECONDS * MICROSECONDS))
    newest = np.full(len(own), _NEVER, np.int64)
    np.maximum.at(newest, service, columns.micros)
    counts = np.stack((columns.total, columns.bad, columns.window_seconds), axis=1)
    cells = _grouped(bucket, service, counts)
    return BatchDelta(
        names=tuple(series.names_of(own.tolist())),
        service=cells.slot,
        bucket=cells.bucket,
        counts=cells.counts[:, :2],
        window_seconds=cells.counts[:, 2],
        newest_micros=newest,
        oddities=_oddities(columns, repeats, series),
        latency=_histograms(columns, bucket, series),
    )


def _grouped(bucket: Ints, slot: Ints, counts: Ints) -> Cells:
    """Return counts [n, 3] summed by (bucket, slot), which stand in any order."""
    key = (bucket << _SLOT_BITS) + slot
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    begins = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate((np.zeros(min(1, len(key)), np.int64), begins))
    first = order[starts]
    if len(starts) == len(key):
        return Cells(bucket[first], slot[first], counts[order])
    return Cells(bucket[first], slot[first], _group_sums(counts[order], starts))


def _group_sums(counts: Ints, starts: Ints) -> Ints:
    """Return [groups, 3] sums of total and bad, which stop at SUM_LIMIT, and longest reports."""
    found = np.empty((len(starts), 3), np.int64)
    for column in (0, 1):
        values = counts[:, column]
        if float(values.max()) * len(values) < _WRAPS:
            summed = np.add.reduceat(values, starts)
        else:  # Python's integers, since a thousand huge counts would wrap 64 bits
            exact = np.add.reduceat(values.astype(object), starts)
            summed = np.minimum(exact, SUM_LIMIT).astype(np.int64)
        found[:, column] = np.minimum(summed, SUM_LIMIT)
    found[:, 2] = np.maximum.reduceat(counts[:, 2], starts)
    return found


def _oddities(columns: Columns, repeats: Repeats, series: SeriesIndex) -> dict[str, IngestCounters]:
    grown = {
        "duplicates": repeats.slot,
        "event_id_conflicts": repeats.slot[repeats.conflict],
        "unidentified": columns.slot[columns.anonymous],
        "misrouted": columns.slot[columns.misrouted],
    }
    found: dict[int, dict[str, int]] = {}
    for counter, odd in grown.items():
        for slot, times in Counter(odd.tolist()).items():
            found.setdefault(slot, {})[counter] = times
    return {series.names[slot]: IngestCounters(**grown_by) for slot, grown_by in found.items()}


def _histograms(
    columns: Columns, bucket: Ints, series: SeriesIndex
) -> dict[tuple[str, int, Bounds], list[int]]:
    found: dict[tuple[str, int, Bounds], list[int]] = {}
    for row, latency in columns.histograms():
        key = (series.names[columns.slot[row]], int(bucket[row]), latency.bounds)
        found[key] = _added(found.get(key), latency.counts)
    return found


def _added(old: Sequence[int] | None, counts: Sequence[int]) -> list[int]:
    given = old or [0] * len(counts)
    return [min(a + b, SUM_LIMIT) for a, b in zip(given, counts, strict=True)]


def coarsen(bucket: int, resolution: int) -> int:
    """Return the number of the bucket of `resolution` seconds that holds a ten-second bucket."""
    return -(-bucket // (resolution // TEN_SECONDS))


def stored_cells(sums: BatchDelta, series: SeriesIndex, appended_micros: int) -> dict[int, Cells]:
    """Return the cells of each resolution at which they are still kept."""
    slot_of = np.array([series.index[name] for name in sums.names], np.int64)
    counts = np.concatenate((sums.counts, sums.window_seconds[:, None]), axis=1)
    cells = Cells(sums.bucket, slot_of[sums.service], counts)
    found, finer = {}, TEN_SECONDS
    for resolution in RESOLUTIONS:
        if resolution != finer:
            coarser = -(-cells.bucket // (resolution // finer))
            cells, finer = _grouped(coarser, cells.slot, cells.counts), resolution
        kept = _ages(cells.bucket, resolution, appended_micros) <= _KEPT_MICROS[resolution]
        found[resolution] = Cells(cells.bucket[kept], cells.slot[kept], cells.counts[kept])
    return found


def stored_latency(
    sums: BatchDelta, appended_micros: int
) -> dict[tuple[int, str, int, Bounds], list[int]]:
    """Return the histograms by (resolution, service, bucket number, bounds)."""
    rows: dict[tuple[int, str, int, Bounds], list[int]] = {}
    for (service, bucket, bounds), counts in sums.latency.items():
        for resolution in kept_resolutions(bucket, appended_micros):
            key = (resolution, service, coarsen(bucket, resolution), bounds)
            rows[key] = _added(rows.get(key), counts)
    return rows


def kept_resolutions(bucket: int, appended_micros: int) -> tuple[int, ...]:
    """Return the resolutions whose bucket, of that ten-second bucket, is young enough to keep."""
    return tuple(
        resolution
        for resolution in RESOLUTIONS
        if _ages(coarsen(bucket, resolution), resolution, appended_micros)
        <= _KEPT_MICROS[resolution]
    )


_Number = TypeVar("_Number", int, Ints)


def _ages(bucket: _Number, resolution: int, appended_micros: int) -> _Number:
    return appended_micros - bucket * (resolution * MICROSECONDS)


def within_threshold(bounds: Bounds, counts: Iterable[int], threshold: float) -> Count | None:
    """Return (total, bad) of a histogram for a latency threshold; None if that is no bound."""
    if threshold not in bounds:
        return None
    values = list(counts)
    total = sum(values)
    bad = total - sum(values[: bounds.index(threshold) + 1])
    return Count(min(total, SUM_LIMIT), min(bad, SUM_LIMIT))
