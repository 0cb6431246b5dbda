"""A file of events, line by line: which lines count, which repeat others, which are wrong."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from common.admission.identity import identity_of
from common.admission.metric_events import (
    HISTORY_AGE,
    MAX_EVENT_BYTES,
    EventRejected,
    check_time,
    parse_metric_event,
)
from common.events import MetricEvent

BOM: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = MAX_EVENT_BYTES + 1024

Advance = Callable[[int], None]
"""Called with how many bytes of the file have been read since the last call."""


@dataclass(frozen=True, slots=True)
class Good:
    """A line that counts, its timestamp shifted."""

    line: int
    event: MetricEvent


@dataclass(frozen=True, slots=True)
class Repeated:
    """A line whose event an earlier line already has."""

    line: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that does not count, and why; `line` from 1."""

    line: int
    field: str
    detail: str


Classification = Good | Repeated | Refused


def file_id(path: Path, advance: Advance) -> str:
    """Return the SHA-256 of the file in hexadecimal: the same content is the same import."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def newest_timestamp(path: Path, advance: Advance) -> datetime | None:
    """Return the newest timestamp of the lines that are events; None where there is none."""
    newest: datetime | None = None
    for _, body in _lines(path, advance):
        try:
            timestamp = parse_metric_event(body, forbid_unknown=True).timestamp
        except EventRejected:
            continue
        newest = timestamp if newest is None else max(newest, timestamp)
    return newest


def classify_lines(
    path: Path, shift: timedelta, now: datetime, advance: Advance
) -> Iterator[Classification]:
    """Classify every line that is not blank, its age taken at `now` after the shift."""
    seen: set[bytes] = set()
    for line, body in _lines(path, advance):
        try:
            event = parse_metric_event(body, forbid_unknown=True)
            # an event without identity is its line: the import's line numbers make it exact
            identity = identity_of(event)
            event = _shifted(event, shift)
            check_time(event.timestamp, now, HISTORY_AGE)
        except EventRejected as refused:
            yield Refused(line, refused.field, refused.detail)
            continue
        if identity is not None and identity in seen:
            yield Repeated(line)
            continue
        if identity is not None:
            seen.add(identity)
        yield Good(line, event)


def _shifted(event: MetricEvent, shift: timedelta) -> MetricEvent:
    if not shift:
        return event
    try:
        timestamp = event.timestamp + shift
    except OverflowError:
        raise EventRejected("timestamp", "invalid_timestamp", "is out of range") from None
    return msgspec.structs.replace(event, timestamp=timestamp)


def _lines(path: Path, advance: Advance) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as stream:
        if stream.read(len(BOM)) != BOM:
            stream.seek(0)
        number, before = 0, 0
        while text := stream.readline(LONGEST_LINE):
            number += 1
            _skip_rest(stream, text)
            after = stream.tell()
            advance(after - before)
            before = after
            if body := text.strip():
                yield number, body


def _skip_rest(stream: BinaryIO, text: bytes) -> None:
    """Leave the rest of a line that is too long for any event; what was read is refused."""
    while text and not text.endswith(b"\n"):
        text = stream.readline(LONGEST_LINE)
