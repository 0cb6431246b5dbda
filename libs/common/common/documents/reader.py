"""Read YAML or JSON into documents, strictly: every scalar stays the text that was written.

What a field takes decides what its text means, so that a version, a time or `on` is never read as
a number, a date or a truth. Keys that repeat, anchors that explode, tags and depth are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from common.documents.outcome import RefusedError
from common.strangers import one_line

MAX_CHARACTERS: Final = 4 * 1024 * 1024
MAX_VALUES: Final = 100_000
"""In one document, with what its aliases stand for."""
MAX_DEPTH: Final = 32
MAX_DOCUMENTS: Final = 5_000
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
)
_MERGE: Final = "<<"

Value = dict[str, Any] | list[Any] | str | None
"""Mappings and sequences of the same, text, or None where nothing was written."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it was written; `prefix` is its path in a `List`, with the final dot."""

    number: int
    value: Value
    prefix: str = ""
    lines: dict[str, int] = field(default_factory=dict, repr=False)


def read(text: str) -> Iterator[Source | RefusedError]:
    """Read the documents of a file, and those of each `kind: List`, in their order.

    A fault ends the file: what stands behind it cannot be known.
    """
    if len(text) > MAX_CHARACTERS:
        reason = f"is longer than {MAX_CHARACTERS} characters; split the file"
        yield RefusedError("too_large", "", reason)
        return
    reader = _Reader(text)
    while True:
        try:
            source = reader.next_document()
        except RefusedError as fault:
            fault.document = max(reader.number, 1)
            yield fault
            return
        if source is None:
            return
        if source.value is not None:
            yield from _unpacked(source)


def _unpacked(source: Source) -> Iterator[Source | RefusedError]:
    value = source.value
    if not isinstance(value, dict) or value.get("kind") != "List":
        yield source
        return
    items = value.get("items")
    others = sorted(value.keys() - {"apiVersion", "kind", "items", "metadata"})
    if others:
        reason = "is not a field of a List; leave it out"
        fault = RefusedError("unknown_field", others[0], reason, source.lines.get(others[0]))
        fault.document = source.number
        yield fault
    elif not isinstance(items, list) or not items:
        fault = RefusedError("invalid_value", "items", "must be a sequence of documents")
        fault.document = source.number
        yield fault
    else:
        for index, item in enumerate(items):
            yield Source(source.number, item, f"items[{index}].", source.lines)


class _Reader:
    def __init__(self, text: str) -> None:
        self._events = _events(text)
        self.number = 0
        self._values = 0
        self._anchors: dict[str, Value] = {}
        self._lines: dict[str, int] = {}

    def next_document(self) -> Source | None:
        """Return the next document, None after the last; raise RefusedError for a fault."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.number += 1
                if self.number > MAX_DOCUMENTS:
                    reason = f"more than {MAX_DOCUMENTS} documents; split the file"
                    raise RefusedError("too_large", "", reason)
                self._values, self._anchors, self._lines = 0, {}, {}
                value = self._value(next(self._events), "", 0)
                return Source(self.number, value, lines=self._lines)
        return None

    def _value(self, event: Any, path: str, depth: int) -> Value:
        line = event.start_mark.line + 1
        self._lines[path] = line
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            reason = f"holds more than {MAX_VALUES} values or {MAX_DEPTH} levels; write less"
            raise RefusedError("too_large", path, reason, line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, line)
        if event.tag not in _PLAIN_TAGS and event.tag not in {None, "!"}:
            reason = f"has the tag {one_line(event.tag)}; leave the tag out"
            raise RefusedError("yaml_tag", path, reason, line)
        if isinstance(event, yaml.ScalarEvent):
            value: Value = None if not event.style and event.value in _NULLS else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path, depth)
        else:
            value = self._mapping(path, depth)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _alias(self, event: Any, path: str, line: int) -> Value:
        if event.anchor not in self._anchors:
            reason = f"the alias *{one_line(event.anchor)} has no anchor before it, or is in it"
            raise RefusedError("yaml_syntax", path, reason, line)
        value = self._anchors[event.anchor]
        self._values += _size(value, MAX_VALUES - self._values + 1)
        return value

    def _sequence(self, path: str, depth: int) -> Value:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, f"{path}[{len(found)}]", depth + 1))
        return found

    def _mapping(self, path: str, depth: int) -> Value:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                reason = "has a key that is no text; quote what begins with { or ["
                raise RefusedError("yaml_syntax", path, reason, line)
            key = event.value
            below = f"{path}.{key}".removeprefix(".")
            value = self._value(next(self._events), below, depth + 1)
            if key == _MERGE and not event.style:
                if not isinstance(value, dict):
                    raise RefusedError("yaml_syntax", below, "merges what is no mapping", line)
                merged |= value
                continue
            if key in found:
                reason = "stands twice in its mapping; leave one out"
                raise RefusedError("duplicate_key", below, reason, line)
            found[key] = value
        return {**merged, **found}


def _size(value: Value, limit: int) -> int:
    """Count the values in `value`, up to `limit`."""
    count, waiting = 0, [value]
    while waiting and count < limit:
        found = waiting.pop()
        count += 1
        if isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    return count


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        said = one_line(error.problem or error.context or "cannot be read")
        if "\\t" in said or "tab" in said or _line(text, at).lstrip(" ").startswith("\t"):
            said += "; indent with spaces, never with tabs"
        line = None if at is None else at.line + 1
        where = "" if at is None else f" (line {at.line + 1}, column {at.column + 1})"
        raise RefusedError("yaml_syntax", "", f"is no YAML: {said}{where}", line) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = f"is no YAML: {one_line(error)[:200]}"
        raise RefusedError("yaml_syntax", "", reason) from None


def _line(text: str, at: Any) -> str:
    lines = text.splitlines()
    return lines[at.line] if at is not None and at.line < len(lines) else ""
