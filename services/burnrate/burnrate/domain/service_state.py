"""What is known of streams beside their counts: when they reported, how often, and counters.

Pure. One row of each array is one stream; that of a service's default indicator stands for the
service as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from msgspec.structs import astuple

from burnrate.domain.reported_hours import ReportedHours
from common.arrays import Flags, Ints
from common.config.clock import MICROSECONDS, from_micros
from common.counts.layout import MINUTES_READ_SECONDS
from common.events import IngestCounters
from common.slo.freshness import (
    MIN_STALE_SECONDS,
    REPORTS_SECONDS,
    STALE_REPORTS,
    USUAL_REPORTS,
)
from common.slo.streams import service_of
from common.slo.windows import HOUR, MINUTE

DEFAULT_RESOLUTION_SECONDS = 10
NEVER = -1
_END = np.iinfo(np.int64).max
_HOUR_MINUTES = HOUR // MINUTE
_MINUTES = REPORTS_SECONDS // MINUTE
_NONE = np.iinfo(np.int16).max  # longer than any report
_PLACES = np.arange(_MINUTES, dtype=np.int16)
_AGES = (_PLACES[:, None] - _PLACES) % _MINUTES
"""How many minutes before the newest a place is, by the place of the newest."""
# less than the minutes that are stored, so that a restart finds the same reports
_REPORTS_KEPT_MINUTES = MINUTES_READ_SECONDS // MINUTE
_LEAST_ROWS = 64
_NUMBERS = ("_stale_after", "_usual", "_usual_minute", "newest_minute")


@dataclass(frozen=True, slots=True)
class Moment:
    """When an evaluation is made, of which shard, under which epoch, and for which command."""

    now: datetime
    shard: int
    epoch: int
    applied_through: datetime
    lagging: bool
    command_id: str | None = None


@dataclass(slots=True)
class ServiceQuota:
    """How many services the process may hold, and as many indicators beside their default ones.

    Who floods it with names of indicators takes no service's place.
    """

    limit: int
    taken: int = 0
    indicators: int = 0

    def has_room(self, streams: Iterable[str]) -> bool:
        """Return whether these streams would have places."""
        services, indicators = self._counted(streams)
        return self.taken + services <= self.limit and self.indicators + indicators <= self.limit

    def take(self, streams: Iterable[str], sign: int = 1) -> None:
        """Give streams their places; -1 takes them back."""
        services, indicators = self._counted(streams)
        self.taken += sign * services
        self.indicators += sign * indicators

    @staticmethod
    def _counted(streams: Iterable[str]) -> tuple[int, int]:
        named = [stream != service_of(stream) for stream in streams]
        return len(named) - sum(named), sum(named)


class StreamTable:
    """The streams of a shard by number. The number of one that is removed goes to another.

    `service` is the number of each stream's service: that of its default stream, which is there
    before all others. The resolution is that of who reports most often (`resolution_of`) in the
    three hours up to a stream's newest minute, so that one that has ended keeps the lengths of
    its windows. Reports that are much longer do not keep it fresh.
    """

    def __init__(self, quota: ServiceQuota) -> None:
        self.numbers: dict[str, int] = {}
        self.names: list[str] = []
        self._quota, self._minute = quota, 0
        self._reserved: set[str] = set()
        self._free: list[int] = []
        self._streams: dict[str, list[str]] = {}
        self.service = np.zeros(0, np.int64)
        self.newest_micros = np.zeros(0, np.int64)
        self.counters = np.zeros((0, len(IngestCounters.__struct_fields__)), np.int64)
        self.resolution_seconds = np.zeros(0, np.int64)
        self._stale_after = np.zeros(0, np.int64)
        self._usual = np.zeros(0, np.int64)  # how long its reports usually are
        self._usual_minute = np.zeros(0, np.int64)  # the newest with such a report
        self.newest_minute = np.zeros(0, np.int64)  # in which it reported; 0: never
        self._reports = np.zeros((0, _MINUTES), np.int16)  # the shortest by minute
        self._touched = np.zeros(0, np.bool_)
        self.reported = ReportedHours()

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str) -> int:
        """Give a number to a stream that has none, and return it."""
        if name in self._reserved:
            self._reserved.remove(name)
        else:
            self._quota.take([name])
        number = self.numbers[name] = self._free.pop() if self._free else len(self.names)
        if number == len(self.newest_micros):
            self._widen()
        self.names[number : number + 1] = [name]
        service = service_of(name)
        self._streams.setdefault(service, []).append(name)
        self.service[number] = self.numbers[service]
        self._touched[number] = True
        return number

    def streams(self, service: str) -> list[str]:
        """Return the streams of a service, its default one first."""
        return [*self._streams.get(service, ())]

    def remove(self, name: str) -> int:
        """Forget a stream, give its place back at once, and return the number it had."""
        number = self.numbers.pop(name)
        self._streams[service_of(name)].remove(name)
        self._free.append(number)
        self._quota.take([name], -1)
        self.newest_micros[number], self.counters[number] = NEVER, 0
        for column in _NUMBERS:
            getattr(self, column)[number] = 0
        self._reports[number] = _NONE
        self.reported.forget(number)
        self.resolution_seconds[number] = DEFAULT_RESOLUTION_SECONDS
        self._stale_after[number] = _END
        return number

    def reserve(self, names: Iterable[str]) -> list[str]:
        """Reserve places for streams that are to be added; return those that get none.

        A service that is new takes one as well. A reserved place is kept, also when the
        transaction that needed it has failed: its events come again.
        """
        refused = []
        for name in dict.fromkeys(names):
            needed = {service_of(name), name} - self.numbers.keys() - self._reserved
            if needed and not self._quota.has_room(needed):
                refused.append(name)
                continue
            self._reserved |= needed
            self._quota.take(needed)
        return refused

    def release(self) -> None:
        """Leave the quota to others; for a table that is not used any more."""
        self._quota.take([*self.numbers, *self._reserved], -1)

    def seen(self, services: Ints, newest_micros: Ints) -> None:
        """Note the newest timestamps; each service stands once."""
        before = self.newest_micros[services]
        self.newest_micros[services] = np.maximum(before, newest_micros)
        self._touched[services] |= newest_micros > before
        self._set_stale(services)

    def count_up(self, counters: Mapping[str, IngestCounters]) -> None:
        """Add to the counters of some services."""
        for name, more in counters.items():
            number = self.numbers[name]
            self.counters[number] += np.array(astuple(more), np.int64)
            self._touched[number] = True

    def counters_of(self, service: int) -> IngestCounters:
        """Return what was odd about the events of a service, all of its streams together."""
        streams = self._streams[self.names[service]]
        if len(streams) == 1:
            return IngestCounters(*self.counters[service].tolist())
        numbers = [self.numbers[stream] for stream in streams]
        return IngestCounters(*self.counters[numbers].sum(axis=0).tolist())

    def take_touched(self) -> Ints:
        """Return the services of which something may have changed since this was last asked."""
        found = self.service[np.flatnonzero(self._touched)]
        self._touched[:] = False
        return found

    def report(self, services: Ints, minutes: Ints, seconds: Ints) -> None:
        """Note how long the reports of some minutes are; a pair may stand more than once."""
        if not len(services):
            return
        self.note_hours(services, -(-minutes // _HOUR_MINUTES))
        chosen = np.unique(services)
        before = self.newest_minute[chosen]
        np.maximum.at(self.newest_minute, services, minutes)
        known = before > 0
        self._forget(chosen[known], before[known])
        kept = minutes > self.newest_minute[services] - _MINUTES
        cells = services[kept] * _MINUTES + minutes[kept] % _MINUTES
        shorter = seconds[kept] < self._reports.reshape(-1)[cells]
        np.minimum.at(self._reports.reshape(-1), cells, seconds[kept].astype(np.int16))
        changed = np.unique(services[kept][shorter])  # a few in a minute: most repeat it
        self._set_usual(changed)
        self._set_resolution(changed)

    def note_hours(self, services: Ints, hours: Ints) -> None:
        """Note that services reported in these hours; a pair may stand more than once."""
        self._touched[self.reported.note(services, hours)] = True

    def advance(self, minute: int) -> None:
        """Move on to a minute; time does not go back."""
        if minute > self._minute:
            self._minute = minute
            self._touched |= self.reported.advance(-(-minute // _HOUR_MINUTES))
            self._set_resolution(slice(0, len(self.names)))

    def stale(self, now_micros: int) -> Flags:
        """Return [n]: which streams' newest event is older than their reports allow."""
        found: Flags = self._stale_after[: len(self.names)] < now_micros
        return found

    def newest_at(self, service: int) -> datetime | None:
        """Return the newest timestamp of a service, of those who report as usual."""
        micros = int(self._fresh_micros(np.array([service]))[0])
        return None if micros == NEVER else from_micros(micros)

    def _set_usual(self, services: Ints) -> None:
        """Find how long the reports of services usually are, and when the newest such came."""
        reports, newest = self._reports[services], self.newest_minute[services]
        seen = np.sort(reports, axis=1, kind="stable")  # by radix: many times as fast here
        middle = np.count_nonzero(reports < _NONE, axis=1) // 2  # as `resolution_of` takes it
        usual = seen[np.arange(len(services)), middle]
        as_usual = reports <= USUAL_REPORTS * usual[:, None]
        ages = np.where(as_usual, _AGES[newest % _MINUTES], _NONE)
        self._usual[services] = usual
        self._usual_minute[services] = newest - ages.min(axis=1)

    def _fresh_micros(self, services: Ints | slice) -> Ints:
        """Return the newest timestamp of those who report as usual, to the minute once they end."""
        newest, usual = self.newest_micros[services], self._usual_minute[services]
        others = usual < self.newest_minute[services]
        found: Ints = np.where(others, np.minimum(newest, usual * MINUTE * MICROSECONDS), newest)
        return found

    def _forget(self, services: Ints, before: Ints) -> None:
        """Clear the places of the minutes that have begun since."""
        after = self.newest_minute[services]
        fresh = np.maximum(before, after - _MINUTES) + 1
        while (open_ := fresh <= after).any():
            self._reports[services[open_], fresh[open_] % _MINUTES] = _NONE
            fresh[open_] += 1

    def _set_resolution(self, services: Ints | slice) -> None:
        old = self.newest_minute[services] <= self._minute - _REPORTS_KEPT_MINUTES
        found = np.where(old, DEFAULT_RESOLUTION_SECONDS, self._usual[services])
        self._touched[services] |= found != self.resolution_seconds[services]
        self.resolution_seconds[services] = found
        self._set_stale(services)

    def _set_stale(self, services: Ints | slice) -> None:
        newest, resolution = self._fresh_micros(services), self.resolution_seconds[services]
        allowed = MICROSECONDS * np.maximum(MIN_STALE_SECONDS, STALE_REPORTS * resolution)
        self._stale_after[services] = np.where(newest == NEVER, _END, newest + allowed)

    def _widen(self) -> None:
        more = max(_LEAST_ROWS, len(self.newest_micros))
        for name in ("service", "newest_micros", "resolution_seconds", *_NUMBERS):
            setattr(self, name, np.pad(getattr(self, name), (0, more)))
        self.counters = np.pad(self.counters, ((0, more), (0, 0)))
        self._reports = np.pad(self._reports, ((0, more), (0, 0)), constant_values=_NONE)
        self._touched = np.pad(self._touched, (0, more))
        self.reported.widen(more)
        self.newest_micros[-more:] = NEVER
        self.resolution_seconds[-more:] = DEFAULT_RESOLUTION_SECONDS
        self._stale_after[-more:] = _END
