"""What a batch of admitted events adds to the counts: pure sums, ready to be stored and folded."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from burnrate.batch_sums import BatchSums
from burnrate.rings import HOUR, MINUTE, RESOLUTIONS, SUM_LIMIT, TEN_SECONDS, bucket_of
from common.clock import to_micros
from common.events import IngestCounters, MetricEvent

# longer than any window that is read from them, so that no bucket at the edge is in part missing
KEPT_TEN_SECONDS = timedelta(hours=2)
KEPT_MINUTES = timedelta(hours=50)

Bucket = tuple[str, int]  # service, number of the ten-second bucket
Bounds = tuple[float, ...]
Lane = tuple[str, str]
"""An import and the partition that its records came through (empty: the right one)."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An event that counts, when its record was appended, and what was odd about it."""

    event: MetricEvent
    appended_at: datetime
    identified: bool = True
    misrouted: bool = False


@dataclass(slots=True)
class Count:
    """Sums of one bucket, and the longest report among them."""

    total: int = 0
    bad: int = 0
    window_seconds: int = 0

    def add(self, other: "Count") -> None:
        """Add another bucket to this one."""
        self.total = min(self.total + other.total, SUM_LIMIT)
        self.bad = min(self.bad + other.bad, SUM_LIMIT)
        self.window_seconds = max(self.window_seconds, other.window_seconds)


@dataclass(slots=True)
class Tally:
    """A batch in sums. `counts` and `latency` are by ten-second bucket; `appended_at` the newest.

    `newest` is the newest timestamp by service, `oddities` what its counters grow by.
    """

    counts: dict[Bucket, Count] = field(default_factory=dict)
    latency: dict[tuple[str, int, Bounds], list[int]] = field(default_factory=dict)
    newest: dict[str, datetime] = field(default_factory=dict)
    oddities: dict[str, IngestCounters] = field(default_factory=dict)

    def note(
        self,
        service: str,
        *,
        duplicates: int = 0,
        event_id_conflicts: int = 0,
        unidentified: int = 0,
        misrouted: int = 0,
    ) -> None:
        """Let a service's counters grow."""
        old = self.oddities.get(service, IngestCounters())
        self.oddities[service] = IngestCounters(
            old.duplicates + duplicates,
            old.event_id_conflicts + event_id_conflicts,
            old.unidentified + unidentified,
            old.misrouted + misrouted,
        )


def tally(admitted: Iterable[Admitted]) -> Tally:
    """Return the sums of a batch."""
    result = Tally()
    for item in admitted:
        event = item.event
        key = (event.service, bucket_of(to_micros(event.timestamp), TEN_SECONDS))
        count = result.counts.setdefault(key, Count())
        count.add(Count(event.total, event.bad or 0, event.window_seconds))
        if event.latency is not None:
            place = (*key, event.latency.bounds)
            result.latency[place] = _added(result.latency.get(place), event.latency.counts)
        newest = result.newest.get(event.service)
        result.newest[event.service] = (
            event.timestamp if newest is None else max(newest, event.timestamp)
        )
        result.note(
            event.service,
            unidentified=int(not item.identified),
            misrouted=int(item.misrouted),
        )
    return result


def batch_sums(sums: Tally) -> BatchSums:
    """Return a batch as a shard's memory takes it."""
    names = tuple(dict.fromkeys([*(name for name, _ in sums.counts), *sums.oddities]))
    number = {name: i for i, name in enumerate(names)}
    cells = [
        (number[name], bucket, count.total, count.bad, count.window_seconds)
        for (name, bucket), count in sums.counts.items()
    ]
    table = np.array(cells, np.int64).reshape(-1, 5)
    newest = [to_micros(sums.newest[name]) if name in sums.newest else -1 for name in names]
    odd = {name: grown for name, grown in sums.oddities.items() if grown != IngestCounters()}
    return BatchSums(
        names,
        service=table[:, 0],
        bucket=table[:, 1],
        counts=table[:, 2:4],
        window_seconds=table[:, 4],
        newest_micros=np.array(newest, np.int64),
        oddities=odd,
        latency=sums.latency,
    )


def _added(old: list[int] | None, counts: Sequence[int]) -> list[int]:
    given = old or [0] * len(counts)
    return [min(a + b, SUM_LIMIT) for a, b in zip(given, counts, strict=True)]


def coarsen(bucket: int, resolution: int) -> int:
    """Return the number of the bucket of `resolution` seconds that holds a ten-second bucket."""
    return -(-bucket // (resolution // TEN_SECONDS))


def stored_counts(sums: Tally, appended_at: datetime) -> dict[tuple[int, str, int], Count]:
    """Return the counts by (resolution, service, bucket number), where they are still kept."""
    rows: dict[tuple[int, str, int], Count] = defaultdict(Count)
    for (service, bucket), count in sums.counts.items():
        for resolution in kept_resolutions(bucket, appended_at):
            rows[resolution, service, coarsen(bucket, resolution)].add(count)
    return rows


def stored_latency(
    sums: Tally, appended_at: datetime
) -> dict[tuple[int, str, int, Bounds], list[int]]:
    """Return the histograms by (resolution, service, bucket number, bounds)."""
    rows: dict[tuple[int, str, int, Bounds], list[int]] = {}
    for (service, bucket, bounds), counts in sums.latency.items():
        for resolution in kept_resolutions(bucket, appended_at):
            key = (resolution, service, coarsen(bucket, resolution), bounds)
            rows[key] = _added(rows.get(key), counts)
    return rows


def kept_resolutions(bucket: int, appended_at: datetime) -> tuple[int, ...]:
    """Return the resolutions at which a bucket of that age is kept, finest first."""
    age_seconds = to_micros(appended_at) / 1e6 - bucket * TEN_SECONDS
    if age_seconds <= KEPT_TEN_SECONDS.total_seconds():
        return RESOLUTIONS
    return (MINUTE, HOUR) if age_seconds <= KEPT_MINUTES.total_seconds() else (HOUR,)


def within_threshold(bounds: Bounds, counts: Iterable[int], threshold: float) -> Count | None:
    """Return (total, bad) of a histogram for a latency threshold; None if that is no bound."""
    if threshold not in bounds:
        return None
    values = list(counts)
    total = sum(values)
    bad = total - sum(values[: bounds.index(threshold) + 1])
    return Count(min(total, SUM_LIMIT), min(bad, SUM_LIMIT))
