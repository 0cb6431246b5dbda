"""The counts of a shard's objectives, held so that a forecast reads none from the database. Pure.

Requests and errors of all streams stand in the blocks that burnrate stores, a row for each slot;
requests over a latency threshold have a series of their own for each (stream, threshold).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from common.arrays import Floats, Ints
from common.config.clock import to_micros
from common.counts.layout import SlowCount, Span, bucket_of
from common.events import BurnRateSnapshot, SloStatus
from common.slo.streams import stream_of
from common.slo.vocabulary import DataStatus
from common.slo.windows import HOUR, MINUTE
from forecast.domain.forecast import DAY_HOURS, DAY_MINUTES, LOOK_BACK_HOURS, History

LENGTHS = (MINUTE, HOUR)
RECENT_BUCKETS = {MINUTE: 15, HOUR: 2}
"""What a refresh reads again: reports are seldom later than that; re-reading finds the rest."""

KEPT_MINUTES = DAY_MINUTES + RECENT_BUCKETS[MINUTE]
"""A day, and the day of a snapshot that is a little older."""

AGREEMENT_RATIO = 0.02
"""Counts agree with a snapshot's that differ by no more, of its requests or of its budget."""

PAUSE_PER_READING = 10
"""Reading everything takes at most a tenth of the time, however much there is to read."""

LatencyKey = tuple[str, float]
"""A stream and a threshold in seconds."""


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

    def sums(self, series: int, last: int, length: int) -> Floats:
        """Return [total, bad] of so many buckets of a series, up to and with `last`."""
        first = max(last - length, self.anchor - self.depth) + 1
        found: Floats = self._counts[np.arange(first, last + 1) % self.depth, series].sum(axis=0)
        return found


class _Lines:
    """A timeline for each bucket length."""

    def __init__(self, window_days: int, width: int, now: datetime) -> None:
        self.window_days = window_days
        depths = {MINUTE: KEPT_MINUTES, HOUR: window_days * DAY_HOURS + LOOK_BACK_HOURS}
        self.by_length = {
            n: Timeline(depths[n], width, bucket_of(to_micros(now), n)) for n in LENGTHS
        }
        self.reread_at: datetime | None = None

    def spans(self, *, everything: bool) -> list[Span]:
        """Return what to read up to the anchor."""
        found = []
        for length, line in self.by_length.items():
            buckets = line.depth if everything else min(RECENT_BUCKETS[length], line.depth)
            found.append(Span(length, (line.anchor - buckets) * length))
        return found

    def advance(self, now: datetime) -> None:
        """Move on to `now`."""
        for length, line in self.by_length.items():
            line.advance(bucket_of(to_micros(now), length))


class ShardCounts:
    """What is held of one shard. First ask what to read, then put it, then take histories."""

    def __init__(self, reread_seconds: float) -> None:
        self._reread_seconds = reread_seconds
        self._slots: dict[str, int] = {}
        self._blocks: _Lines | None = None
        self._latency: dict[LatencyKey, _Lines] = {}
        self._read_for: dict[str, datetime] = {}  # the snapshot that everything was read for
        self._paused_until = datetime.min.replace(tzinfo=UTC)

    def put_slots(self, slots: dict[str, int]) -> None:
        """Note which row of the blocks is whose; with new ones, everything is read again."""
        if slots != self._slots and self._blocks is not None:
            self._blocks.reread_at = None
        self._slots = slots

    def forget(self) -> None:
        """Drop all counts, since a reading has failed half way."""
        self._blocks, self._latency = None, {}

    def lacks(self, streams: Iterable[str]) -> bool:
        """Return whether the row of any of these streams is not known."""
        return any(stream not in self._slots for stream in streams)

    def block_spans(self, window_days: int, now: datetime) -> list[Span]:
        """Return which blocks to read for objectives of at most that many days."""
        width = max(self._slots.values(), default=-1) + 1
        lines = self._blocks
        if lines is None or lines.window_days < window_days:
            lines = self._blocks = _Lines(window_days, width, now)
        for line in lines.by_length.values():
            line.widen(width)
        return self._due(lines, now)

    def put_block(self, length_seconds: int, bucket: int, counts: Ints) -> None:
        """Put a block's rows [slot, total and bad]."""
        if self._blocks is not None:
            self._blocks.by_length[length_seconds].put(bucket, counts)

    def slow_spans(self, key: LatencyKey, window_days: int, now: datetime) -> list[Span]:
        """Return which histograms to read for an objective of that many days."""
        lines = self._latency.get(key)
        if lines is None or lines.window_days < window_days:
            lines = self._latency[key] = _Lines(window_days, 1, now)
        return self._due(lines, now)

    def put_slow(self, found: SlowCount) -> None:
        """Put a bucket's requests and slow ones."""
        lines = self._latency[found.service, found.threshold_seconds]
        length = found.resolution_seconds
        lines.by_length[length].put(found.ended // length, np.array([[found.total, found.bad]]))

    def agrees(self, snapshot: BurnRateSnapshot, slo: SloStatus, now: datetime) -> bool:
        """Return whether what is held of an objective is what the snapshot has counted.

        Compared are requests and bad ones of the SLO window and of the day. What has just come may
        be here and not yet in the snapshot, never the other way round: counts are stored first.
        """
        lines, series = self._lines_of(snapshot.service_name, slo)
        if lines is None or series < 0:
            return not slo.total
        if slo.data_status is DataStatus.SATURATED:
            return True  # a sum that has stopped agrees with nothing, which its status says
        at, age = to_micros(min(now, snapshot.evaluated_at)), now - snapshot.evaluated_at
        minutes, hours = lines.by_length[MINUTE], lines.by_length[HOUR]
        just_come = minutes.sums(series, minutes.anchor, RECENT_BUCKETS[MINUTE])
        held, counted = [], []
        if age <= timedelta(hours=LOOK_BACK_HOURS):
            held.append(hours.sums(series, bucket_of(at, HOUR), slo.window_days * DAY_HOURS))
            counted.append((slo.total, slo.bad))
        if age <= timedelta(minutes=RECENT_BUCKETS[MINUTE]) and (day := slo.windows.get("24h")):
            held.append(minutes.sums(series, bucket_of(at, MINUTE), DAY_MINUTES))
            counted.append((day.total, day.bad))
        if not held:
            return True  # so old that nobody counts for it any more, which its status says
        shown = np.array(counted, np.float64)
        margin = AGREEMENT_RATIO * shown[:, :1] * np.array([1.0, 1 - slo.objective])
        more = np.array(held) - shown
        return bool((more >= -margin).all() and (more <= margin + just_come).all())

    def read_again(
        self, doubted: Sequence[tuple[BurnRateSnapshot, SloStatus]], now: datetime
    ) -> bool:
        """Have everything read again of objectives that do not agree with their snapshots.

        Returns whether there is anything to read: once for each snapshot, and not all the time.
        """
        new = [
            (s, slo) for s, slo in doubted if self._read_for.get(s.service_name) != s.evaluated_at
        ]
        if not new or now < self._paused_until:
            return False
        for snapshot, slo in new:
            self._read_for[snapshot.service_name] = snapshot.evaluated_at
            lines = self._lines_of(snapshot.service_name, slo)[0]
            if lines is not None:
                lines.reread_at = None
        return True

    def pause(self, began: datetime, ended: datetime) -> None:
        """Read nothing again for a while after a reading that took so long."""
        self._paused_until = ended + PAUSE_PER_READING * (ended - began)

    def history(self, service: str, slo: SloStatus) -> History:
        """Return an objective's counts; what was read for it stands at the same instant."""
        lines, series = self._lines_of(service, slo)
        hours = slo.window_days * DAY_HOURS + LOOK_BACK_HOURS
        if lines is None or series < 0:
            empty = Timeline(1, 1, 0)
            return History(empty.newest(0, hours), empty.newest(0, DAY_MINUTES))
        return History(
            lines.by_length[HOUR].newest(series, hours),
            lines.by_length[MINUTE].newest(series, DAY_MINUTES),
        )

    def _lines_of(self, service: str, slo: SloStatus) -> tuple[_Lines | None, int]:
        """Return where an objective's counts are, and in which series (-1: none)."""
        stream = stream_of(service, slo.indicator)
        if slo.threshold_seconds is not None:
            return self._latency.get((stream, slo.threshold_seconds)), 0
        return self._blocks, self._slots.get(stream, -1)

    def _due(self, lines: _Lines, now: datetime) -> list[Span]:
        """Return what to read: what is recent, and once in a while everything."""
        lines.advance(now)
        last = lines.reread_at
        everything = last is None or (now - last).total_seconds() >= self._reread_seconds
        if everything:
            lines.reread_at = now
        return lines.spans(everything=everything)
