"""The whole lasting effect of some traffic, as a model computes it and as tables hold it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

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
    """(total, bad, longest report in seconds)."""
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
