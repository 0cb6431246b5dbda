"""Finds the texts of single events in a body, in steps that are short whatever it holds. Pure.

A body may be eight megabytes of anything. Whoever takes the steps pauses between them, so that
others have their turn, and stops at the bound on events.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from common.admission.fields import MAX_EVENT_BYTES
from ingest.domain import Item

Steps = Iterator[Item | None]
"""The next event; None is a place to pause, or a line without an event."""

PIECE_BYTES: Final = 65_536
_PAUSE_AFTER = 128

# the end of an object and the beginning of the next: nearly always between two events
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_OUTSIDE = re.compile(rb'[^"\[\]{},]{1,65536}|["\[\]{},]')
_INSIDE = re.compile(rb'[^"\\]{1,65536}|\\.|["\\]', re.DOTALL)
_NESTING = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_SPACE = b" \t\r\n"

_split = msgspec.json.Decoder(list[msgspec.Raw])
_raw = msgspec.json.Decoder(msgspec.Raw)


class NotAnArrayError(ValueError):
    """The text is no JSON array; says why."""


def lines(body: bytes) -> Steps:
    """Find the lines; those that are empty are None."""
    start = index = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip()
        yield Item(index, line) if line else None
        start, index = end + 1, index + 1


def array_elements(body: bytes) -> Steps:
    """Find the elements of an array, which begins with `[`. Raises NotAnArrayError."""
    index = 0
    for text in _texts(body):
        yield None if text is None else Item(index, text)
        index += text is not None


def _texts(body: bytes) -> Iterator[bytes | None]:
    """Find the texts of an array's elements; None is a place to pause.

    A piece that ends between two objects is decoded at once. If it is a list of whole values, its
    end is truly between two elements; if not, the rest is walked through bracket by bracket.
    """
    start, end = body.index(b"[") + 1, len(body.rstrip(_SPACE)) - 1
    is_closed = body[end : end + 1] == b"]"
    while is_closed and start < end:
        stop, following = end, end
        if end - start > PIECE_BYTES:
            between = _BETWEEN.search(body, start + PIECE_BYTES, start + 2 * PIECE_BYTES)
            if between is None:
                break
            stop, following = between.start() + 1, between.end()
        try:
            elements = _split.decode(b"[%b]" % body[start:stop])
        except (msgspec.DecodeError, RecursionError):
            break
        yield from map(bytes, elements)
        yield None
        start = following
    if not is_closed or start < end:
        yield from _walked(body, start)


def _walked(body: bytes, start: int) -> Iterator[bytes | None]:
    """Find the elements from the beginning of one to the end of the array."""
    begin, depth, is_text, first = start, 1, False, True
    place, steps = start, 0
    while place < len(body):
        found = (_INSIDE if is_text else _OUTSIDE).match(body, place)
        if found is None:
            raise NotAnArrayError(f"it breaks off within a text (byte {place})")
        place, token = found.end(), found[0]
        steps += 1
        if steps % _PAUSE_AFTER == 0:
            yield None
        if is_text or token == b'"':
            is_text ^= token == b'"'
            continue
        depth += _NESTING.get(token, 0)
        if depth == 0 or (depth == 1 and token == b","):
            text = body[begin : place - 1].strip(_SPACE)
            if text or depth or not first:
                yield _checked(text, begin)
            begin, first = place, False
        if depth == 0:
            depth = int(token != b"]")
            break
    if depth or body[place:].strip(_SPACE):
        raise NotAnArrayError(f"the array has no end, or more follows it (byte {place})")


def _checked(text: bytes, begin: int) -> bytes:
    """Return the text of an element; NotAnArrayError where it is no value.

    NaN, Infinity and half a surrogate pair are not JSON, but what is around them is not lost. An
    element that is too long to be an event is refused by its length.
    """
    if len(text) > MAX_EVENT_BYTES:
        return text
    try:
        _raw.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = f"{error}, in the element at byte {begin}"
    else:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise NotAnArrayError(reason) from None
    return text
