"""The events of a batch that count, one by one and as columns. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnrate.domain.batch import ImportStream
from burnrate.domain.series_index import SeriesIndex
from common.admission.identity import KEY_BYTES, Hashes, Keys, content_hashes, details_hash, keys_of
from common.arrays import Flags, Ints
from common.config.clock import to_micros
from common.events import Latency, MetricEvent

_NO_KEY = bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Counted:
    """An event for this shard, and when its record was appended.

    `identity` is the key that its repeats share, None where it has nothing of the kind.
    `anonymous`: sent with neither id nor source. `stream` and `line` place a record of an import.
    """

    event: MetricEvent
    appended_at: datetime
    identity: bytes | None = None
    anonymous: bool = False
    misrouted: bool = False
    stream: ImportStream | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """n events that count, in the order of their records; every array has n rows."""

    position: Ints  # of the record in its batch
    slot: Ints
    micros: Ints  # the timestamp
    total: Ints
    bad: Ints
    window_seconds: Ints
    appended_micros: Ints
    keys: Keys  # [n, 2], zero where the event has no identity
    content: Hashes
    identified: Flags
    anonymous: Flags  # sent with neither id nor source
    misrouted: Flags
    imported: Flags
    latency: NDArray[np.object_] | None  # Latency or None; None where no event has one

    def __len__(self) -> int:
        return len(self.slot)

    def rows(self, chosen: Ints | Flags) -> "Columns":
        """Return some of the rows."""
        columns: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        taken: dict[str, Any] = {n: None if c is None else c[chosen] for n, c in columns.items()}
        return Columns(**taken)

    def histograms(self) -> list[tuple[int, Latency]]:
        """Return the rows that have a histogram, and those."""
        found = () if self.latency is None else self.latency
        return [(row, latency) for row, latency in enumerate(found) if latency is not None]


def joined(parts: Sequence[Columns]) -> Columns:
    """Return several columns as one, in the order of the records."""
    if len(parts) == 1:
        return parts[0]
    names = [f.name for f in fields(Columns) if f.name != "latency"]
    columns: dict[str, Any] = {n: np.concatenate([getattr(p, n) for p in parts]) for n in names}
    whole = Columns(**columns, latency=_joined_latency(parts))
    in_order = bool((whole.position[1:] > whole.position[:-1]).all())
    return whole if in_order else whole.rows(np.argsort(whole.position, kind="stable"))


def _joined_latency(parts: Sequence[Columns]) -> NDArray[np.object_] | None:
    if all(part.latency is None for part in parts):
        return None
    empty = [np.full(len(p), None) if p.latency is None else p.latency for p in parts]
    return np.concatenate(empty)


def columns_of(counted: Sequence[tuple[int, Counted]], series: SeriesIndex) -> Columns:
    """Return classified events and their positions as columns; new services get their slots."""
    items = [item for _, item in counted]
    events = [item.event for item in items]
    micros = ints([to_micros(e.timestamp) for e in events])
    window, total = ints([e.window_seconds for e in events]), ints([e.total for e in events])
    bad = ints([e.bad or 0 for e in events])
    details = np.array([details_hash(e.latency, e.attributes) for e in events], np.uint64)
    return Columns(
        position=ints([position for position, _ in counted]),
        slot=ints([series.add(e.stream) for e in events]),
        micros=micros,
        total=total,
        bad=bad,
        window_seconds=window,
        appended_micros=ints([to_micros(item.appended_at) for item in items]),
        keys=keys_of([item.identity or _NO_KEY for item in items]),
        content=content_hashes(micros, window, total, bad, details),
        identified=np.array([item.identity is not None for item in items], np.bool_),
        anonymous=np.array([item.anonymous for item in items], np.bool_),
        misrouted=np.array([item.misrouted for item in items], np.bool_),
        imported=np.array([item.stream is not None for item in items], np.bool_),
        latency=objects([e.latency for e in events]),
    )


def objects(latencies: Sequence[Latency | None]) -> NDArray[np.object_] | None:
    """Return [n] objects, None without any; NumPy would take a histogram for a row of its own."""
    if not any(latencies):
        return None
    column = np.empty(len(latencies), np.object_)
    column[:] = latencies
    return column


def ints(values: Sequence[int]) -> Ints:
    """Return [n] integers."""
    return np.fromiter(values, np.int64, len(values))
