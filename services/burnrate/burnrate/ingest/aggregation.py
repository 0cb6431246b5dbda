"""What a batch of events adds to the counts, and where its buckets are kept. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from burnrate.domain.batch import BatchDelta
from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.columns import Columns
from common.arrays import Flags, Ints
from common.config.clock import MICROSECONDS
from common.counts.layout import KEPT, RESOLUTIONS, SUM_LIMIT, TEN_SECONDS, Bounds, bucket_of
from common.events import IngestCounters
from common.slo.windows import HOUR

_SLOT_BITS = 32
_KEPT_MICROS = {length: kept // timedelta(microseconds=1) for length, kept in KEPT.items()}
_KEPT_MICROS[HOUR] = 2**62  # until they are purged
_NEVER = -1
_WRAPS = 2.0**62


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of one resolution by (bucket, slot), rising; each pair stands once."""

    bucket: Ints
    slot: Ints
    counts: Ints  # [n, 3]: total, bad, shortest report


@dataclass(frozen=True, slots=True)
class Repeats:
    """Events that were counted before, by slot, and which of them said something else."""

    slot: Ints  # [m]
    conflict: Flags  # [m]


NO_REPEATS = Repeats(np.zeros(0, np.int64), np.zeros(0, np.bool_))


def aggregate(columns: Columns, series: SeriesIndex, repeats: Repeats = NO_REPEATS) -> BatchDelta:
    """Return the sums of a batch of events that count, and what its services are to count up."""
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
        names=tuple(series.names[slot] for slot in own.tolist()),
        service=cells.slot,
        bucket=cells.bucket,
        counts=cells.counts[:, :2],
        window_seconds=cells.counts[:, 2],
        newest_micros=newest,
        counters=_counters(columns, repeats, series),
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
    """Return [groups, 3] sums of total and bad, which stop at SUM_LIMIT, and shortest reports."""
    found = np.empty((len(starts), 3), np.int64)
    for column in (0, 1):
        values = counts[:, column]
        if float(values.max()) * len(values) < _WRAPS:
            summed = np.add.reduceat(values, starts)
        else:  # Python's integers, since a thousand huge counts would wrap 64 bits
            exact = np.add.reduceat(values.astype(object), starts)
            summed = np.minimum(exact, SUM_LIMIT).astype(np.int64)
        found[:, column] = np.minimum(summed, SUM_LIMIT)
    found[:, 2] = np.minimum.reduceat(counts[:, 2], starts)
    return found


def _counters(columns: Columns, repeats: Repeats, series: SeriesIndex) -> dict[str, IngestCounters]:
    grown = {
        "duplicates": repeats.slot,
        "event_id_conflicts": repeats.slot[repeats.conflict],
        "unidentified": columns.slot[columns.anonymous],
        "misrouted": columns.slot[columns.misrouted],
    }
    found: dict[int, dict[str, int]] = {}
    for counter, slots in grown.items():
        for slot, times in Counter(slots.tolist()).items():
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


def stored_cells(delta: BatchDelta, series: SeriesIndex, appended_micros: int) -> dict[int, Cells]:
    """Return the cells of each resolution that are young enough to be kept at it."""
    slot_of = np.array([series.index[name] for name in delta.names], np.int64)
    counts = np.concatenate((delta.counts, delta.window_seconds[:, None]), axis=1)
    cells = Cells(delta.bucket, slot_of[delta.service], counts)
    found, finer = {}, TEN_SECONDS
    for resolution in RESOLUTIONS:
        if resolution != finer:
            coarser = -(-cells.bucket // (resolution // finer))
            cells, finer = _grouped(coarser, cells.slot, cells.counts), resolution
        kept = cells.bucket >= _oldest_kept(resolution, appended_micros)
        found[resolution] = Cells(cells.bucket[kept], cells.slot[kept], cells.counts[kept])
    return found


def stored_latency(
    delta: BatchDelta, appended_micros: int
) -> dict[tuple[int, str, int, Bounds], list[int]]:
    """Return the histograms to keep by (resolution, service, bucket number, bounds)."""
    rows: dict[tuple[int, str, int, Bounds], list[int]] = {}
    for (service, bucket, bounds), counts in delta.latency.items():
        for resolution in RESOLUTIONS:
            coarser = -(-bucket // (resolution // TEN_SECONDS))
            if coarser >= _oldest_kept(resolution, appended_micros):
                key = (resolution, service, coarser, bounds)
                rows[key] = _added(rows.get(key), counts)
    return rows


def _oldest_kept(resolution: int, appended_micros: int) -> int:
    """Return the number of the oldest bucket whose end is young enough to keep."""
    return bucket_of(appended_micros - _KEPT_MICROS[resolution], resolution)
