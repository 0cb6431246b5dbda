"""Seeded traffic: reports of several services, with repeats, conflicts, strays and poison."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import Any, Final

from common.kafka.sharding import shard_of

Fields = dict[str, Any]


def _at(at: datetime) -> str:
    return at.isoformat()


def _with(**wrong: Any) -> Callable[[Fields, datetime], bytes]:
    return lambda fields, _: json.dumps({**fields, **wrong}).encode()


def _shifted(delta: timedelta) -> Callable[[Fields, datetime], bytes]:
    return lambda fields, now: json.dumps({**fields, "timestamp": _at(now + delta)}).encode()


def _naive(fields: Fields, now: datetime) -> bytes:
    return json.dumps({**fields, "timestamp": _at(now.replace(tzinfo=None))}).encode()


def _without(name: str) -> Callable[[Fields, datetime], bytes]:
    return lambda fields, _: json.dumps({k: v for k, v in fields.items() if k != name}).encode()


KINDS: Final[dict[str, tuple[str, Callable[[Fields, datetime], bytes | None]]]] = {
    "broken JSON": ("invalid_json", lambda fields, _: json.dumps(fields).encode()[:-2]),
    "no JSON": ("invalid_json", lambda *_: b"{bad"),
    "empty": ("invalid_json", lambda *_: b""),
    "no UTF-8": ("invalid_utf8", lambda *_: b'{"service":"\xff\xfe"}'),
    "null value": ("null_value", lambda *_: None),
    "more bad than total": ("bad_exceeds_total", _with(total=3, bad=4)),
    "NaN": ("not_a_number", _with(total=float("nan"))),
    "negative": ("count_out_of_range", _with(bad=-1)),
    "huge": ("count_out_of_range", _with(total=2**53)),
    "no whole number": ("invalid_count", _with(total=10.5)),
    "text for a number": ("invalid_type", _with(total="10")),
    "no time zone": ("invalid_timestamp", _naive),
    "future": ("timestamp_in_future", _shifted(timedelta(minutes=12))),
    "too old": ("timestamp_too_old", _shifted(-timedelta(hours=30))),
    "bad name": ("invalid_service_name", _with(service="Not A Name")),
    "reserved name": ("reserved_service_name", _with(service="heatmap")),
    "no total": ("missing_field", _without("total")),
}
"""By kind: the code, and a function of an event's good fields and the present time."""


def poison(kind: str, fields: Fields) -> tuple[str, bytes | None]:
    """Return code and value of a wrong record, made from a good event's fields."""
    code, make = KINDS[kind]
    return code, make(fields, datetime.now(UTC))


NUMBER_HEADER: Final = "number"
"""Names which of the records sent a record of the log is."""

Header = tuple[str, bytes | None]
Bounds = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A report that counts; `timestamp_micros` since 1970, `latency` bounds in seconds."""

    service: str
    timestamp_micros: int
    total: int
    bad: int
    source: str = ""
    event_id: str = ""
    window_seconds: int = 10
    latency: tuple[Bounds, tuple[int, ...]] | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """What must be equal for two events with one id to be the same."""
        return (self.timestamp_micros, self.window_seconds, self.total, self.bad, self.latency)

    @property
    def identity(self) -> tuple[object, ...] | None:
        """What makes two events one; None where nothing names it."""
        if self.event_id:
            return ("id", self.service, self.source, self.event_id)
        return ("content", self.service, self.source, self.content) if self.source else None


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as it is sent: it holds an `event`, or is wrong in the way that `code` names."""

    number: int
    partition: int
    key: bytes | None
    value: bytes | None
    event: Event | None
    code: str | None = None
    headers: tuple[Header, ...] = ()

    @property
    def all_headers(self) -> list[Header]:
        """Its headers with the number."""
        return [(NUMBER_HEADER, str(self.number).encode()), *self.headers]


class UnreadableName(str):
    """A header name that goes out as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        """Return what is not UTF-8."""
        return b"\xff\xfe"


SERVICES: Final = tuple(f"service-{number:02}" for number in range(1, 13))
_MICROS: Final = 1_000_000
_BOUNDS: Final = ((0.1, 0.25, 0.5, 1.0), (0.05, 0.5))
_REMEMBERED: Final = 3000
_ODD_HEADERS: Final[tuple[tuple[Header, ...], ...]] = (
    (("trace", b"\xff\xfe\x00"),),
    (("trace", None), ("trace", b"")),
    (("forwarded_from", b"nowhere"), ("forwarded_appended_at", b"\xff")),
    ((UnreadableName("x"), b"1"),),
)


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the kinds of records, each a ratio of all."""

    poison: float = 0.005
    duplicates: float = 0.05
    conflicts: float = 0.005
    misrouted: float = 0.01
    null_keys: float = 0.02
    odd_headers: float = 0.01
    unidentified: float = 0.05
    source_only: float = 0.10
    latency: float = 0.15
    late: float = 0.03


class Traffic:
    """A stream of records; the same seed gives the same choices, times are relative to now."""

    def __init__(self, seed: int, shards: int, mix: Mix | None = None) -> None:
        self.sent: dict[int, Sent] = {}
        self._random = random.Random(seed)
        self._shards, self._mix = shards, mix or Mix()
        self._repeatable: list[Sent] = []

    def take(self, count: int) -> list[Sent]:
        """Return the next records."""
        return list(islice(self, count))

    def poison_of_every_kind(self) -> list[Sent]:
        """Return one wrong record of each kind, and an event for each odd header."""
        odd = [replace(self._event(), headers=headers) for headers in _ODD_HEADERS]
        return [self._numbered(record) for record in (*map(self._poison, KINDS), *odd)]

    def events(self, count: int, **fields: Any) -> list[Sent]:
        """Return plain events in their right places, with these fields set in each."""
        made = []
        for _ in range(count):
            event = replace(self._good(), **fields)
            made.append(self._numbered(_record(event, shard_of(event.service, self._shards))))
        return made

    def again(self, records: list[Sent]) -> list[Sent]:
        """Return exact repeats of records."""
        return [self._numbered(record) for record in records]

    def __iter__(self) -> Iterator[Sent]:
        """Yield records for ever."""
        while True:
            yield self._numbered(self._next())

    def _next(self) -> Sent:
        mix, draw = self._mix, self._random.random()
        if draw < mix.poison:
            return self._poison(self._random.choice(list(KINDS)))
        draw -= mix.poison
        if draw < mix.duplicates and self._repeatable:
            return self._random.choice(self._repeatable)
        draw -= mix.duplicates
        if draw < mix.conflicts and self._repeatable:
            return self._conflict(self._random.choice(self._repeatable))
        return self._event()

    def _numbered(self, record: Sent) -> Sent:
        numbered = replace(record, number=len(self.sent) + 1)
        self.sent[numbered.number] = numbered
        if record.event is not None and record.event.identity is not None:
            if len(self._repeatable) < _REMEMBERED:
                self._repeatable.append(numbered)
            else:
                self._repeatable[self._random.randrange(_REMEMBERED)] = numbered
        return numbered

    def _event(self) -> Sent:
        event = self._good()
        home = shard_of(event.service, self._shards)
        record = _record(event, home)
        if self._chance(self._mix.misrouted):
            elsewhere = (home + self._random.randrange(1, self._shards)) % self._shards
            record = replace(record, partition=elsewhere)
        if self._chance(self._mix.null_keys):
            record = replace(record, key=None)
        if self._chance(self._mix.odd_headers):
            record = replace(record, headers=self._random.choice(_ODD_HEADERS))
        return record

    def _good(self) -> Event:
        total = self._random.randrange(1, 5000)
        bad = self._random.randrange(total // 20 + 1)
        identified = not self._chance(self._mix.unidentified)
        named = identified and not self._chance(self._mix.source_only)
        return Event(
            self._random.choice(SERVICES),
            self._timestamp(),
            total,
            bad,
            f"source-{self._random.randrange(3)}" if identified else "",
            f"{self._random.getrandbits(96):024x}" if named else "",
            self._random.choice((10, 10, 10, 60)),
            self._latency(total) if self._chance(self._mix.latency) else None,
        )

    def _timestamp(self) -> int:
        """Return an instant out of order: most of the last minutes, some of hours ago.

        None is near the age at which a coarser resolution takes over, where it would matter
        which batch a record comes in.
        """
        late = self._chance(self._mix.late)
        age = self._random.uniform(3, 20) * 3600 if late else self._random.expovariate(1 / 120)
        seconds = time.time() - min(age, 20 * 3600.0) - 1
        on_the_grid = self._chance(0.7)
        return int(seconds) // 10 * 10 * _MICROS if on_the_grid else int(seconds * _MICROS)

    def _latency(self, total: int) -> tuple[tuple[float, ...], tuple[int, ...]]:
        bounds = self._random.choice(_BOUNDS)
        cuts = sorted(self._random.randrange(total + 1) for _ in bounds)
        edges = [0, *cuts, total]
        return bounds, tuple(b - a for a, b in pairwise(edges))

    def _conflict(self, known: Sent) -> Sent:
        event = known.event
        if event is None or not event.event_id or known.partition != self._home(event):
            return self._event()
        other = replace(event, total=event.total + 1, latency=None)
        return _record(other, known.partition)

    def _poison(self, kind: str) -> Sent:
        sound = replace(self._good(), total=7, bad=1, latency=None)
        code, value = poison(kind, _fields(sound))
        key = b"poison" if value is None else self._random.choice((None, b"poison"))
        return Sent(0, self._random.randrange(self._shards), key, value, None, code)

    def _home(self, event: Event) -> int:
        return shard_of(event.service, self._shards)

    def _chance(self, ratio: float) -> bool:
        return self._random.random() < ratio


def _record(event: Event, partition: int) -> Sent:
    value = json.dumps(_fields(event)).encode()
    return Sent(0, partition, event.service.encode(), value, event)


def _fields(event: Event) -> dict[str, Any]:
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=event.timestamp_micros)
    if event.total % 3 == 0:
        at = at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    fields: dict[str, Any] = {
        "service": event.service,
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "total": event.total,
        "window_seconds": event.window_seconds,
    }
    if event.total % 5 == 0:
        fields["good"] = event.total - event.bad
    else:
        fields["bad"] = event.bad
    if event.latency is not None:
        fields["latency"] = {"bounds": event.latency[0], "counts": event.latency[1]}
    named = {"source": event.source, "event_id": event.event_id}
    return {**fields, **{name: text for name, text in named.items() if text}}
