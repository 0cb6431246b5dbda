"""The usual event read in bulk: straight from a batch of records to columns. Pure.

What is usual in every respect is read here, at well under a microsecond an event. Whatever is not
(wrong in any way, of a service that belongs elsewhere, without an id, with a forwarding header,
escaped or beyond ASCII) is left to `classify`, which decides alone; so this may leave anything to
it, but reads nothing that `classify` would see otherwise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType
from numpy.typing import NDArray

from burnrate.domain.series_index import Origin, SeriesIndex
from burnrate.ingest.classifier import Rules, origin_of
from burnrate.ingest.columns import Columns, ints, joined, objects
from common.admission.decoding import EventRejected, RawLatency
from common.admission.fields import APPEND_SLACK
from common.admission.identity import Keys, content_hashes, details_hash, id_hashes, salts
from common.admission.metric_events import MAX_EVENT_BYTES, MAX_FUTURE, attributes_of, latency_of
from common.arrays import Flags, Ints
from common.config.clock import MICROSECONDS, to_micros
from common.events import COUNT_LIMIT, MAX_TEXT_LENGTH, MAX_WINDOW_SECONDS, Latency
from common.kafka.client import Record
from common.kafka.headers import FORWARDED_AT_HEADER, FORWARDED_FROM_HEADER, REPLAYED_FROM_HEADER
from common.kafka.sharding import shard_of
from common.kafka.topics import METRICS
from common.slo.streams import DEFAULT_INDICATOR, SEPARATOR, indicator_of, service_of, stream_of
from common.slo.vocabulary import RESERVED_SERVICE_NAMES, is_service_name

_MILLISECONDS = 1_000
_CACHED = 100_000
_AT_ONCE = 2_048  # so that what is decoded is still in the cache when it is put in columns
_DECIDING_HEADERS = frozenset({FORWARDED_AT_HEADER, FORWARDED_FROM_HEADER, REPLAYED_FROM_HEADER})
_Count = Annotated[int, Meta(ge=0, lt=COUNT_LIMIT)]


class _Usual(Struct, gc=False):
    service: str
    timestamp: str
    total: _Count
    bad: _Count
    event_id: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]
    source: Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)] = ""
    window_seconds: Annotated[int, Meta(ge=1, le=MAX_WINDOW_SECONDS)] = 10
    good: int | None = None
    latency: RawLatency | None = None
    attributes: dict[str, str] | UnsetType = UNSET
    indicator: str = DEFAULT_INDICATOR


_decode = msgspec.json.Decoder(_Usual).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, TypeError, UnicodeDecodeError)


class BulkReader:
    """Reads batches of one shard; keeps what it has parsed of timestamps, sources, attributes."""

    def __init__(self, series: SeriesIndex) -> None:
        self._series = series
        self._micros: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._source_salts: Keys = np.zeros((0, 2), np.uint64)

    def read(self, records: Sequence[Record], rules: Rules) -> Columns:
        """Return the events that are usual, as columns."""
        starts = range(0, max(1, len(records)), _AT_ONCE)
        return joined([self._read(records[i : i + _AT_ONCE], i, rules) for i in starts])

    def _read(self, records: Sequence[Record], first: int, rules: Rules) -> Columns:
        positions, events = _usual(records)
        n = len(events)
        streams = _streams(events)
        slot = ints([self._series.index.get(stream, -1) for stream in streams])
        micros = ints(_looked_up(self._micros, [e.timestamp for e in events], self._learn_time))
        total, bad = ints([e.total for e in events]), ints([e.bad for e in events])
        appended = _MILLISECONDS * ints([records[i].timestamp for i in positions])
        lateness = (rules.lateness + APPEND_SLACK).total_seconds() * MICROSECONDS
        valid: Flags = (bad <= total) & (micros >= appended - int(lateness))
        valid &= micros <= appended + int(MAX_FUTURE.total_seconds() * MICROSECONDS)
        new = np.flatnonzero(valid & (slot < 0)).tolist()
        if new:
            brought = {row: origin_of(events[row].source, records[positions[row]]) for row in new}
            slot[new] = self._place_new(streams, brought, rules)
        valid &= slot >= 0
        details, latency = _details(events, valid)
        window = ints([e.window_seconds for e in events])
        found = Columns(
            position=ints(positions) + first,
            slot=slot,
            micros=micros,
            total=total,
            bad=bad,
            window_seconds=window,
            appended_micros=appended,
            keys=self._keys(events, slot),
            content=content_hashes(micros, window, total, bad, details),
            identified=np.ones(n, np.bool_),
            anonymous=np.zeros(n, np.bool_),
            misrouted=np.zeros(n, np.bool_),
            imported=np.zeros(n, np.bool_),
            latency=latency,
        )
        return found if valid.all() else found.rows(valid)

    def _place_new(
        self, streams: Sequence[str], brought: Mapping[int, Origin], rules: Rules
    ) -> Ints:
        """Give streams that are new here their slots, where they belong here; -1 elsewhere.

        `brought` are those who bring them, by row.
        """
        origins: dict[str, Origin] = {}
        for row, origin in brought.items():
            if streams[row] not in origins and _belongs(streams[row], rules):
                origins[streams[row]] = origin
        self._series.admit(origins)
        return ints([self._series.index.get(streams[row], -1) for row in brought])

    def _keys(self, events: Sequence[_Usual], slot: Ints) -> Keys:
        places = _looked_up(self._sources, [e.source for e in events], self._learn_source)
        hashes = id_hashes([e.event_id for e in events])
        keys: Keys = hashes ^ self._series.salts_of(slot)
        keys ^= self._source_salts[ints(places)]
        return keys

    def _learn_time(self, texts: Iterable[str]) -> None:
        if len(self._micros) > _CACHED:
            self._micros.clear()
        for text in set(texts).difference(self._micros):
            self._micros[text] = _parse(text)

    def _learn_source(self, names: Iterable[str]) -> None:
        if len(self._sources) > _CACHED:
            self._sources.clear()
            self._source_salts = self._source_salts[:0]
        new = list(set(names).difference(self._sources))
        for name in new:
            self._sources[name] = len(self._sources)
        self._source_salts = np.concatenate((self._source_salts, salts("source", new)))


def _looked_up(
    known: Mapping[str, int], texts: Sequence[str], learn: Callable[[Iterable[str]], None]
) -> list[int]:
    """Return what is known of each text, once the texts that are new have been learnt."""
    try:
        return [known[text] for text in texts]
    except KeyError:
        learn(texts)  # all of them: what is known may have been cleared
        return [known[text] for text in texts]


def _streams(events: Sequence[_Usual]) -> list[str]:
    """Return the stream of each event; most name no indicator. A wrong service has none."""
    services = [e.service for e in events]
    if SEPARATOR in "".join(services):
        services = ["" if SEPARATOR in name else name for name in services]
    if all(e.indicator is DEFAULT_INDICATOR for e in events):
        return services
    return [stream_of(name, e.indicator) for name, e in zip(services, events, strict=True)]


def _belongs(stream: str, rules: Rules) -> bool:
    name = service_of(stream)
    if not is_service_name(name) or name in RESERVED_SERVICE_NAMES:
        return False
    indicator = indicator_of(stream)
    if not is_service_name(indicator) or stream != stream_of(name, indicator):
        return False
    return shard_of(name, rules.shards) == rules.shard


_NEVER = -(2**60)  # older than any lateness bound: such a timestamp is left to `classify`


def _parse(text: str) -> int:
    try:
        return to_micros(msgspec.convert(text, Annotated[datetime, Meta(tz=True)]))
    except (msgspec.ValidationError, OverflowError):
        return _NEVER


def _usual(records: Sequence[Record]) -> tuple[Sequence[int], list[_Usual]]:
    """Return the records that are events of the usual form, with their positions."""
    values: list[Any] = [r.value for r in records]
    if _all_plain(records, values):
        try:
            events = [_decode(value) for value in values]
        except _UNREADABLE:
            pass
        else:
            if not [e for e in events if e.good is not None]:
                return range(len(records)), events
    found = [(i, _one(record)) for i, record in enumerate(records)]
    kept = [(i, event) for i, event in found if event is not None and event.good is None]
    return [i for i, _ in kept], [event for _, event in kept]


def _all_plain(records: Sequence[Record], values: Sequence[Any]) -> bool:
    """Return, for the price of a few scans, whether `_one` would take every record."""
    if None in values or {r.topic for r in records} != {METRICS.name}:
        return False
    if any(map(_has_deciding_header, [r for r in records if r.headers])):
        return False
    return _is_plain(b"".join(values)) and max(map(len, values), default=0) <= MAX_EVENT_BYTES


def _one(record: Record) -> _Usual | None:
    value = record.value
    if value is None or record.topic != METRICS.name or _has_deciding_header(record):
        return None
    if len(value) > MAX_EVENT_BYTES or not _is_plain(value):
        return None
    try:
        return _decode(value)
    except _UNREADABLE:
        return None


def _is_plain(body: bytes) -> bool:
    """Return whether no string can hold a control character: JSON escapes them, but for DEL."""
    return body.isascii() and b"\\" not in body and b"\x7f" not in body


def _has_deciding_header(record: Record) -> bool:
    return any(name in _DECIDING_HEADERS for name, _ in record.headers or ())


def _details(
    events: Sequence[_Usual], valid: Flags
) -> tuple[NDArray[np.uint64], NDArray[np.object_] | None]:
    """Return the hashes and histograms of the events that have any; a wrong one is not valid."""
    details = np.zeros(len(events), np.uint64)
    rich = [
        (row, event)
        for row, event in enumerate(events)
        if event.latency is not None or event.attributes is not UNSET
    ]
    if not rich:
        return details, None
    latencies: list[Latency | None] = [None] * len(events)
    for row, event in rich:
        try:
            attributes = attributes_of(event.attributes)
            latencies[row] = latency_of(event.latency, event.total)
            details[row] = details_hash(latencies[row], attributes)
        except EventRejected:
            valid[row] = False
    return details, objects(latencies)
