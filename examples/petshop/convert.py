"""Turn a metrics file of the PetShop data set into metric events, one JSON object a line.

    python convert.py METRICS.csv > events.ndjson

The file has four header rows (component, metric, statistic, name of the first column), then one row
for each step: Unix time of the step's start, and a value or nothing in each column. A component
becomes a service where both `requests/Sum` (how many) and `availability/Average` (percentage of
good ones) have values. Needs nothing but Python 3.11.
"""

import argparse
import csv
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

SOURCE = "petshop"
REQUESTS = ("requests", "Sum")
AVAILABILITY = ("availability", "Average")
HEADER = ("microservice", "metric", "statistic", "unix_timestamp")
LONGEST_NAME = 63
LONGEST_STEP_SECONDS = 3600
TOLERANCE = 1e-6
"""How far a count may be from a whole number, relative to the requests, before it is refused."""


class ConversionError(Exception):
    """The file is not what this program understands; the text says where."""


@dataclass(frozen=True)
class Component:
    """A component of the shop and the places of its two columns."""

    name: str
    requests: int
    availability: int


@dataclass(frozen=True)
class Table:
    """The file: its components, and its steps as they stand, with their line numbers."""

    components: list[Component]
    steps: list[tuple[int, list[str]]]


def read_table(lines: Iterable[str]) -> Table:
    """Return the parts of the file; raise ConversionError where its form is another."""
    rows = list(csv.reader(lines))
    if tuple(row[0] if row else "" for row in rows[: len(HEADER)]) != HEADER:
        raise ConversionError(f"the first column must begin with {', '.join(HEADER)}")
    steps = [(n, row) for n, row in enumerate(rows, start=1) if n > len(HEADER) and row]
    for number, row in steps:
        if len(row) != len(rows[0]):
            raise ConversionError(f"line {number}: {len(row)} columns, not {len(rows[0])}")
    return Table(_components(rows), steps)


def _components(rows: list[list[str]]) -> list[Component]:
    places: dict[str, dict[tuple[str, str], int]] = {}
    for place, (name, metric, statistic) in enumerate(zip(*rows[:3], strict=True)):
        places.setdefault(name, {})[metric, statistic] = place
    return [
        Component(name, columns[REQUESTS], columns[AVAILABILITY])
        for name, columns in places.items()
        if REQUESTS in columns and AVAILABILITY in columns
    ]


def step_seconds(table: Table) -> int:
    """Return the length of a step, which is the same for all; raise ConversionError else."""
    starts = [_start(number, row) for number, row in table.steps]
    lengths = {later - earlier for earlier, later in pairwise(starts)}
    if len(lengths) != 1 or not 0 < min(lengths) <= LONGEST_STEP_SECONDS:
        found = ", ".join(str(length) for length in sorted(lengths)) or "too few"
        raise ConversionError(
            f"steps must be equally long, from 1 to {LONGEST_STEP_SECONDS} s; found: {found}"
        )
    return lengths.pop()


def service_names(names: Iterable[str]) -> dict[str, str]:
    """Return a service name for each component: lower case, other characters as `-`.

    Names that would be the same, or are too long, end in a hash of the component's own name.
    """
    plain = {name: re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-._") for name in names}
    uses = Counter(plain.values())
    return {
        name: short if uses[short] == 1 and 0 < len(short) <= LONGEST_NAME else _hashed(short, name)
        for name, short in plain.items()
    }


def _hashed(short: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{short[: LONGEST_NAME - 9]}-{digest}".lstrip("-")


def events(table: Table) -> Iterator[dict[str, Any]]:
    """Give the events step by step; raise ConversionError at a value that makes no sense."""
    step = step_seconds(table)
    usable = [c for c in table.components if _has_values(table, c)]
    services = service_names(c.name for c in usable)
    for number, row in table.steps:
        end = datetime.fromtimestamp(_start(number, row) + step, UTC)
        for component in usable:
            counts = _counts(number, row, component)
            if counts is not None:
                timestamp = end.strftime("%Y-%m-%dT%H:%M:%SZ")
                yield {
                    "event_id": timestamp,
                    "source": SOURCE,
                    "service": services[component.name],
                    "timestamp": timestamp,
                    "window_seconds": step,
                    "total": counts[0],
                    "bad": counts[1],
                }


def _has_values(table: Table, component: Component) -> bool:
    return any(row[component.requests] and row[component.availability] for _, row in table.steps)


def _counts(number: int, row: list[str], component: Component) -> tuple[int, int] | None:
    """Return (total, bad) of a step; None where the component did not report.

    Without requests there is no availability: such a step has 0 of 0. Requests without an
    availability could be good or bad, so that they are refused rather than guessed.
    """
    where = f"line {number}, {component.name}"
    requests, availability = row[component.requests], row[component.availability]
    if not requests and not availability:
        return None
    total = _whole(_number(requests, where), 1, f"{where}: requests")
    if not availability:
        if total:
            raise ConversionError(f"{where}: {total} requests, but no availability")
        return 0, 0
    percentage = _number(availability, where)
    if not 0 <= percentage <= 100:  # noqa: PLR2004 - per cent
        raise ConversionError(f"{where}: availability {percentage} is no percentage")
    return total, _whole(total * (1 - percentage / 100), max(total, 1), f"{where}: bad requests")


def _whole(value: float, scale: float, what: str) -> int:
    whole = round(value)
    if value < -TOLERANCE or abs(value - whole) > TOLERANCE * scale:
        raise ConversionError(f"{what}: {value} is no count")
    return whole


def _start(number: int, row: list[str]) -> int:
    return _whole(_number(row[0], f"line {number}"), 1, f"line {number}: time")


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ConversionError(f"{where}: {text!r} is no number") from None
    if not abs(value) < float("inf"):
        raise ConversionError(f"{where}: {text!r} is no number")
    return value


def main() -> int:
    """Convert the file named on the command line to stdout; return the exit code."""
    parser = argparse.ArgumentParser(description="PetShop metrics to metric events (NDJSON).")
    parser.add_argument("metrics", type=Path, help="a metrics file of the data set (CSV)")
    path: Path = parser.parse_args().metrics
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            converted = list(events(read_table(lines)))
    except (ConversionError, OSError, UnicodeDecodeError) as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 1
    for event in converted:
        print(json.dumps(event))
    services = {event["service"] for event in converted}
    print(f"{len(converted)} events of {len(services)} services", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
