"""The past again: a shard is fed with what is stored of it, bucket by bucket, as it once was. Pure.

What is counted, measured and said of it goes through the same state as live. Stored counts do not
know when their events came, so that all count as if they had come when they happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from burnrate.domain.batch import BatchDelta
from burnrate.domain.catalog import Catalog
from burnrate.domain.service_state import NEVER, Moment, ServiceQuota
from burnrate.evaluation.measuring import Published
from burnrate.evaluation.shard_state import ShardState
from burnrate.evaluation.snapshots import snapshots
from common.arrays import Ints
from common.config.clock import MICROSECONDS, from_micros
from common.counts.layout import TEN_SECONDS, Bounds
from common.events import BurnRateSnapshot, IngestCounters
from common.slo.streams import service_of, stream_of
from common.slo.windows import DAY, HOUR

_COARSE_SECONDS: Final = DAY
"""So long before its begin a replay is fed hours, for the windows that minutes serve."""


@dataclass(frozen=True, slots=True)
class StoredBucket:
    """What is stored of one bucket of a shard; `ended` is its end (seconds since 1970).

    `rows` [services, (total, bad, shortest report)] are in the order of the shard's services;
    histograms are by service and bounds.
    """

    ended: int
    rows: Ints
    histograms: Mapping[tuple[str, Bounds], Sequence[int]] = field(default_factory=dict)


class ShardReplay:
    """A shard from `begin` on, an instant at which an hour ends. Hours first, then minutes."""

    def __init__(
        self, shard: int, names: Sequence[str], catalog: Catalog, hours: Sequence[StoredBucket]
    ) -> None:
        self._shard, self._names, self._catalog = shard, names, catalog
        coarse_from = hours[-1].ended - _COARSE_SECONDS if hours else 0
        old = [hour for hour in hours if hour.ended <= coarse_from]
        start = from_micros(max(coarse_from, HOUR) * MICROSECONDS)
        self._state = ShardState(start, ServiceQuota(len(names)), catalog.is_deep)
        self._published = Published()
        self._load(old)
        self._assign(names)
        for hour in hours[len(old) :]:
            self.feed(hour)

    def feed(self, bucket: StoredBucket) -> None:
        """Count what was reported in a bucket, as if it had come at its end."""
        reporting = np.flatnonzero(bucket.rows[:, 2] > 0)
        if not len(reporting):
            return
        rows, micros = bucket.rows[reporting], bucket.ended * MICROSECONDS
        delta = BatchDelta(
            names=tuple(self._names[i] for i in reporting.tolist()),
            service=np.arange(len(reporting)),
            bucket=np.full(len(reporting), bucket.ended // TEN_SECONDS),
            counts=rows[:, :2],
            window_seconds=rows[:, 2],
            newest_micros=np.full(len(reporting), micros),
            counters={},
            latency={
                (name, bucket.ended // TEN_SECONDS, bounds): counts
                for (name, bounds), counts in bucket.histograms.items()
            },
        )
        self._state.apply(delta, from_micros(micros))

    def at(self, now: datetime) -> list[BurnRateSnapshot]:
        """Return the snapshots that would have been published at an instant."""
        moment = Moment(now, self._shard, 1, now, lagging=False)
        measured = self._state.measure(self._published, moment)
        found = snapshots(self._state.sources, measured, moment)
        self._published.accept(measured)
        return found

    def _load(self, hours: Sequence[StoredBucket]) -> None:
        """Set what only windows of days reach."""
        newest = np.full(len(self._names), NEVER, np.int64)
        for hour in hours:
            newest[hour.rows[:, 2] > 0] = hour.ended * MICROSECONDS
        counters = np.zeros((len(self._names), len(IngestCounters.__struct_fields__)), np.int64)
        self._state.load_services(self._names, newest, counters)
        if hours:
            numbers = np.array([hour.ended // HOUR for hour in hours], np.int64)
            rows = np.stack([hour.rows for hour in hours])
            self._state.load_blocks(HOUR, self._names, numbers, rows)

    def _assign(self, names: Sequence[str]) -> None:
        """Give the services the objectives that they have today; their histories are fed later."""
        for name in dict.fromkeys(map(service_of, names)):
            targets = self._catalog.targets(name) if self._catalog.shown(name) else []
            for target in targets:
                if target.threshold_seconds is not None:
                    stream = stream_of(name, target.indicator)
                    self._state.load_slow_counts(stream, target.threshold_seconds, [])
            self._state.assign(name, targets)
