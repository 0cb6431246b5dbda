"""The oracle: what all tables must hold, computed from what was sent and stands on the topic.

It shares no code with the service: the meaning of each record is known from its making, and what
Kafka acknowledged must stand where it said.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from common.kafka.client import Record, header
from common.kafka.sharding import shard_of
from common.kafka.topics import HISTORY, METRICS
from tests.faults.sender import Place
from tests.faults.traffic import NUMBER_HEADER, Event, Sent

Cell = tuple[int, str, int]
"""Resolution in seconds, service, end of the bucket in seconds since 1970."""

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """What is kept of a service beside its counts; `newest_micros` since 1970."""

    newest_micros: int
    duplicates: int = 0
    event_id_conflicts: int = 0
    unidentified: int = 0
    misrouted: int = 0


@dataclass(slots=True)
class Effects:
    """Everything that must be equal, by key."""

    counts: dict[Cell, tuple[int, int, int]] = field(default_factory=dict)
    """(total, bad, shortest report in seconds)."""
    latency: dict[tuple[Cell, tuple[float, ...]], tuple[int, ...]] = field(default_factory=dict)
    services: dict[str, ServiceRow] = field(default_factory=dict)
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """By topic and shard."""
    dead_letters: dict[str, str] = field(default_factory=dict)
    """Code by deduplication key."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Topic of what is still in the outbox, by deduplication key."""
    snapshots: dict[str, tuple[int, int, tuple[int, ...]]] = field(default_factory=dict)
    """(total, bad, counters) over the SLO window, by service."""


def differences(expected: Effects, found: Effects) -> list[str]:
    """Compare row by row; return the first differences of each table, none when all is equal."""
    said: list[str] = []
    for part in fields(Effects):
        said += table_differences(
            part.name, getattr(expected, part.name), getattr(found, part.name)
        )
    return said


def table_differences(
    name: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]
) -> list[str]:
    """Compare two tables; say how many rows differ and show the first."""
    keys = sorted(expected.keys() | found.keys(), key=repr)
    wrong = [key for key in keys if expected.get(key) != found.get(key)]
    if not wrong:
        return []
    head = f"{name}: {len(wrong)} of {len(keys)} rows differ"
    rows = [f"  {k}: expected {expected.get(k)}, found {found.get(k)}" for k in wrong[:_SHOWN]]
    return [head, *rows]


RESOLUTIONS = (10, 60, 3600)
_KEPT_SECONDS = {10: 2 * 3600, 60: 50 * 3600, 3600: 91 * 86_400}
_MICROS = 1_000_000


@dataclass(slots=True)
class Model:
    """What the records of the metrics topic lead to; `faults` are those of the log itself."""

    shards: int
    effects: Effects = field(default_factory=Effects)
    faults: list[str] = field(default_factory=list)
    identities: dict[tuple[object, ...], tuple[object, ...]] = field(default_factory=dict)
    odd: dict[str, Counter[str]] = field(default_factory=dict)
    newest_micros: dict[str, int] = field(default_factory=dict)


def expected_effects(
    logs: Sequence[Sequence[Record]],
    sent: Mapping[int, Sent],
    shards: int,
    cluster_id: str,
    ends: Mapping[int, int],
) -> tuple[Effects, list[str]]:
    """Return all rows that the logs must lead to, and what is wrong with the logs themselves.

    There are several where the topic was made anew or its beginning was deleted: what was
    applied of each earlier one, then the present one, of which `ends` are the next offsets.
    """
    model = Model(shards)
    for log in logs:
        _apply_log(model, log, sent, cluster_id)
    _finish(model, ends)
    return model.effects, model.faults


def _apply_log(
    model: Model, log: Sequence[Record], sent: Mapping[int, Sent], cluster_id: str
) -> None:
    by_place = {(r.partition, r.offset): r for r in log}
    forwarded: set[Place] = set()
    strays: set[Place] = set()
    if len(by_place) < len(log):
        model.faults.append("the log was read wrongly: an offset stands twice")
    for record in log:
        origin, stray = record, None
        if header(record, NUMBER_HEADER) is None:
            stray = _place(header(record, "forwarded_from"))
            if stray is None or stray not in by_place:
                model.faults.append(f"nobody sent {record}")
                continue
            origin = by_place[stray]
            forwarded.add(stray)
        meant = sent[int(header(origin, NUMBER_HEADER) or 0)]
        if meant.value != record.value:
            model.faults.append(f"{meant} does not stand as it was sent: {record}")
        if meant.event is None:
            place = f"{METRICS.name}:{record.partition}:{record.offset}"
            key = f"dlq:{cluster_id}:{place}:{record.timestamp}"
            model.effects.dead_letters[key] = meant.code or ""
        elif shard_of(meant.event.service, model.shards) != record.partition:
            strays.add((record.partition, record.offset))
        else:
            _count_once(model, meant.event, origin.timestamp, stray)
    model.faults += [f"never forwarded: {place}" for place in sorted(strays - forwarded)]
    model.faults += [f"forwarded but at home: {place}" for place in sorted(forwarded - strays)]


def acknowledgement_faults(acknowledged: Mapping[Place, int], log: Iterable[Record]) -> list[str]:
    """Return what Kafka acknowledged and does not hold, so that no loss is Kafka's own."""
    numbers = {(r.partition, r.offset): header(r, NUMBER_HEADER) for r in log}
    return [
        f"acknowledged {number} at {place}, the log holds {numbers.get(place)}"
        for place, number in acknowledged.items()
        if numbers.get(place) != str(number)
    ][:5]


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    partition, _, offset = text.partition(":")
    return int(partition), int(offset)


def _count_once(model: Model, event: Event, appended_ms: int, stray: Place | None) -> None:
    """Count the first of each identity in the order of the log; note what is odd."""
    odd = model.odd.setdefault(event.service, Counter())
    identity, content = event.identity, event.content
    if identity is None and stray is not None:
        identity, content = ("place", *stray), ()
    if identity is not None:
        if identity in model.identities:
            odd["duplicates"] += 1
            odd["event_id_conflicts"] += int(model.identities[identity] != content)
            return
        model.identities[identity] = content
    odd["unidentified"] += int(event.identity is None)
    odd["misrouted"] += int(stray is not None)
    newest = model.newest_micros.get(event.service, 0)
    model.newest_micros[event.service] = max(newest, event.timestamp_micros)
    for cell in _cells(event, appended_ms):
        _add(model.effects, cell, event)


def _cells(event: Event, appended_ms: int) -> list[Cell]:
    """Return the buckets (start, end] that hold the event, where its age lets it be kept."""
    ten_seconds_end = -(-event.timestamp_micros // (10 * _MICROS)) * 10
    age_seconds = appended_ms / 1000 - ten_seconds_end
    return [
        (resolution, event.service, -(-ten_seconds_end // resolution) * resolution)
        for resolution in RESOLUTIONS
        if age_seconds <= _KEPT_SECONDS[resolution]
    ]


def _add(effects: Effects, cell: Cell, event: Event) -> None:
    total, bad, shortest = effects.counts.get(cell, (0, 0, event.window_seconds))
    effects.counts[cell] = (
        total + event.total,
        bad + event.bad,
        min(shortest, event.window_seconds),
    )
    if event.latency is not None:
        bounds, counts = event.latency
        old = effects.latency.get((cell, bounds), (0,) * len(counts))
        effects.latency[cell, bounds] = tuple(a + b for a, b in zip(old, counts, strict=True))


def _finish(model: Model, ends: Mapping[int, int]) -> None:
    effects = model.effects
    for service, newest in model.newest_micros.items():
        effects.services[service] = ServiceRow(newest, **model.odd[service])
    for shard in range(model.shards):
        effects.next_offsets[METRICS.name, shard] = ends[shard]
        effects.next_offsets[HISTORY.name, shard] = 0
    for service, row in effects.services.items():
        hours = [c for (r, name, _), c in effects.counts.items() if (r, name) == (3600, service)]
        odd = (row.duplicates, row.event_id_conflicts, row.unidentified, row.misrouted)
        total, bad = sum(c[0] for c in hours), sum(c[1] for c in hours)
        effects.snapshots[service] = (total, bad, odd)
