"""The counts that burnrate keeps, read for histories. The tables are burnrate's own."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from api_gateway.burn.history import (
    Counts,
    HourlyCounts,
    HourlyRates,
    Reports,
    Seconds,
    SlowCounts,
    SlowHour,
    hourly_burn_rates,
)
from api_gateway.burn.steps import CountQuery, timeline
from api_gateway.catalog.domain import Target
from api_gateway.storage.unit_of_work import Reader, ReadStore
from common.arrays import Ints
from common.counts import reads
from common.counts.layout import SUM_LIMIT, Span, unpacked
from common.events import TargetSpec
from common.slo.windows import HOUR

_PART_BUCKETS = 48
_NO_ROWS: Ints = np.zeros((0, 2), np.int64)


async def read_hourly_rates(
    reader: "CountRepository",
    ends: Seconds,
    targets: Mapping[str, Sequence[Target]],
    default: TargetSpec,
) -> HourlyRates:
    """Return burn rates by service and hour, for hours by their ends (rising)."""
    every = [target for own in targets.values() for target in own]
    counts, slow = await reader.hourly_counts(ends), await reader.hourly_slow(ends, every)
    return hourly_burn_rates(counts, slow, targets, default)


class CountRepository(Reader):
    """Reads of `burnrate.count_block` and `burnrate.latency`."""

    async def reports(self, query: CountQuery) -> Reports:
        """Return when the stream was reported."""
        ends, rows = await self._reported(query)
        return Reports(ends, rows[:, 2])

    async def counts(self, query: CountQuery) -> Counts:
        """Return requests and bad ones: those slower than the threshold where there is one."""
        if query.threshold_seconds is None:
            ends, rows = await self._reported(query)
            return Counts(ends, rows[:, 0], rows[:, 1])
        stream, threshold = query.stream, query.threshold_seconds
        asked = [(stream, threshold, span) for span in timeline(query)]
        found = await reads.slow_counts(self._session, asked)
        columns = [(c.ended, c.total, c.bad, c.uncertain) for c in found]
        return Counts(*np.array(columns, np.int64).reshape(-1, 4).T)

    async def history(self, query: CountQuery) -> tuple[Reports, Counts]:
        """Return when the stream was reported, and what; rows that are both are read once."""
        ends, rows = await self._reported(query)
        reports = Reports(ends, rows[:, 2])
        if query.threshold_seconds is None:
            return reports, Counts(ends, rows[:, 0], rows[:, 1])
        return reports, await self.counts(query)

    async def sums(
        self, spans: Sequence[Span], streams: Collection[str] | None
    ) -> dict[str, tuple[int, int]]:
        """Return requests and bad ones over the spans together, of some streams or of all."""
        if streams is not None:
            read = [(s, await reads.service_rows(self._session, s, spans)) for s in streams]
            return {stream: _sum(rows) for stream, (_, rows) in read}
        slots: Sequence[tuple[int, int, str]] = ()
        held: dict[int, Ints] = {}
        for span in _parts(spans):
            slots, blocks = await reads.all_blocks(self._session, span)
            for shard, _, packed in blocks:
                rows, sums = unpacked(packed)[:, :2], held.get(shard, _NO_ROWS)
                held[shard] = sums = np.pad(sums, ((0, max(0, len(rows) - len(sums))), (0, 0)))
                sums[: len(rows)] = np.minimum(sums[: len(rows)] + rows, SUM_LIMIT)
        return {
            name: (int(held[shard][slot, 0]), int(held[shard][slot, 1]))
            for shard, slot, name in slots
            if slot < len(held.get(shard, ()))
        }

    async def slow_sums(
        self, spans: Sequence[Span], keys: Sequence[tuple[str, float]]
    ) -> dict[tuple[str, float], tuple[int, int, int]]:
        """Return requests, slow and uncertain ones over the spans, by stream and threshold."""
        sums = dict.fromkeys(keys, (0, 0, 0))
        for span in _parts(spans):
            for found in await reads.slow_counts(self._session, [(*key, span) for key in keys]):
                key = found.service, found.threshold_seconds
                total, bad, uncertain = sums[key]
                sums[key] = (
                    min(total + found.total, SUM_LIMIT),
                    min(bad + found.bad, SUM_LIMIT),
                    min(uncertain + found.uncertain, SUM_LIMIT),
                )
        return sums

    async def hourly_counts(self, ends: Seconds) -> HourlyCounts:
        """Return the counts of every stream that ever was reported, for hours by their ends."""
        services, blocks = await reads.all_blocks(self._session, _hours(ends))
        column = {end: at for at, end in enumerate(ends.tolist())}
        sums = np.zeros((2, len(services), len(ends)), np.int64)
        for shard, ended, packed in blocks:
            rows = unpacked(packed)
            mine = [(at, slot) for at, (home, slot, _) in enumerate(services) if home == shard]
            kept = np.array([pair for pair in mine if pair[1] < len(rows)], np.int64).reshape(-1, 2)
            sums[:, kept[:, 0], column[ended]] = rows[kept[:, 1], :2].T
        return HourlyCounts(tuple(name for *_, name in services), ends, sums[0], sums[1])

    async def hourly_slow(self, ends: Seconds, targets: Sequence[Target]) -> SlowCounts:
        """Return requests, slow and uncertain ones by target, for hours by their ends."""
        keys = {
            target.id: (target.stream, threshold)
            for target in targets
            if (threshold := target.spec.threshold_seconds) is not None
        }
        asked = [(*key, _hours(ends)) for key in dict.fromkeys(keys.values())]
        found: dict[tuple[str, float], list[SlowHour]] = {}
        for count in await reads.slow_counts(self._session, asked):
            key = count.service, count.threshold_seconds
            hour = SlowHour(count.ended, count.total, count.bad, count.uncertain)
            found.setdefault(key, []).append(hour)
        return {target_id: found[key] for target_id, key in keys.items() if key in found}

    async def _reported(self, query: CountQuery) -> tuple[Seconds, Seconds]:
        """Return bucket ends and [n, 3] total, bad, shortest report, where there was a report."""
        ends, rows = await reads.service_rows(self._session, query.stream, timeline(query))
        reported = rows[:, 2] > 0
        return ends[reported], rows[reported]


class CountStore(ReadStore[CountRepository]):
    """Opens readers of the counts."""

    reader = CountRepository


def _sum(rows: Ints) -> tuple[int, int]:
    # Python's integers, since a thousand huge counts would wrap 64 bits
    total, bad = (min(sum(rows[:, column].tolist()), SUM_LIMIT) for column in (0, 1))
    return total, bad


def _parts(spans: Sequence[Span]) -> Iterator[Span]:
    """Cut spans into so many buckets as are held in memory at a time."""
    for span in spans:
        length, until = _PART_BUCKETS * span.resolution_seconds, span.until or 0
        for since in range(span.since, until, length):
            yield Span(span.resolution_seconds, since, min(since + length, until))


def _hours(ends: Seconds) -> Span:
    return Span(HOUR, int(ends[0]) - HOUR, int(ends[-1]))
