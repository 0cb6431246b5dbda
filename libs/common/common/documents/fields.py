"""Take the fields of a foreign document one by one; what nobody takes is refused by its path."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from common.documents.outcome import Note, RefusedError
from common.patterns import NAME, whole
from common.strangers import one_line

MAX_LABELS: Final = 20
MAX_TEXT: Final = 4_000
_OF_A_CLUSTER: Final = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields",
    "ownerReferences", "finalizers", "selfLink",
)  # fmt: skip
_NAME: Final = re.compile(whole(NAME))
LABEL_VALUE: Final = r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$"
LABEL_KEY: Final = (
    r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
)
_LABEL_VALUE, _LABEL_KEY = re.compile(whole(LABEL_VALUE)), re.compile(whole(LABEL_KEY))


@dataclass(slots=True)
class Notes:
    """What is to be said of one document."""

    notes: list[Note] = field(default_factory=list)

    def add(self, code: str, path: str, text: str) -> None:
        """Say it once."""
        note = Note(code, path, text)
        if note not in self.notes:
            self.notes.append(note)


class Fields:
    """A mapping whose fields are taken; `end` refuses those that are left."""

    def __init__(self, value: Any, path: str, notes: Notes) -> None:
        if not isinstance(value, dict):
            raise RefusedError("invalid_value", path, "must be a mapping of fields")
        self._left: dict[str, Any] = dict(value)
        self._known: set[str] = set()
        self.path, self.notes = path, notes

    def at(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{name}".removeprefix(".")

    def left(self) -> list[str]:
        """Return the names of the fields that nobody has taken."""
        return list(self._left)

    def has(self, name: str) -> bool:
        """Return whether the field is there with a value, and not taken yet."""
        self._known.add(name)
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:
        """Return the value of a field as it was written, None without one."""
        self._known.add(name)
        return self._left.pop(name, None)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without a default it is required."""
        value = self.take(name)
        if default is not None and value in (None, ""):
            return default
        if not isinstance(value, str) or not value.strip():
            raise RefusedError("invalid_value", self.at(name), "must be a text that is not empty")
        if len(value) > MAX_TEXT:
            raise RefusedError("too_large", self.at(name), f"is longer than {MAX_TEXT} characters")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Return a text that is one of those allowed."""
        value = self.text(name, default)
        if value not in allowed:
            choice = " or ".join(allowed)
            reason = f"is {one_line(value)!r}; must be {choice}"
            raise RefusedError("invalid_value", self.at(name), reason)
        return value

    def decimal(self, name: str) -> Decimal:
        """Return a number exactly as it is written."""
        return number(self.text(name), self.at(name))

    def truth(self, name: str, *, default: bool) -> bool:
        """Return true or false; `yes`, `on` and their like are refused."""
        return self.one_of(name, ("true", "false"), str(default).lower()) == "true"

    def fields(self, name: str, *, required: bool = True) -> "Fields":
        """Return the fields of a mapping below; an empty one if it may be left out."""
        value = self.take(name)
        return Fields({} if value is None and not required else value, self.at(name), self.notes)

    def each(self, name: str, *, required: bool = True) -> Iterator["Fields"]:
        """Return the mappings of a sequence."""
        value = self.take(name)
        if value is None and not required:
            value = []
        if not isinstance(value, list) or (required and not value):
            raise RefusedError("invalid_value", self.at(name), "must be a sequence that has items")
        for index, item in enumerate(value):
            yield Fields(item, f"{self.at(name)}[{index}]", self.notes)

    def texts(self, name: str) -> dict[str, str]:
        """Return a mapping of texts: scalars stay as they are written, lists are joined."""
        value = self.take(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise RefusedError("invalid_value", self.at(name), "must be a mapping of texts")
        return {key: _as_text(item, f"{self.at(name)}.{key}") for key, item in value.items()}

    def leave(self, name: str, code: str, text: str) -> None:
        """Leave a field out and say so, where it is there."""
        value = self.take(name)
        if value is not None and value not in ({}, []):
            self.notes.add(code, self.at(name), text)

    def end_of_object(self) -> None:
        """Leave out what a Kubernetes cluster writes into the metadata of an object; then end."""
        for name in _OF_A_CLUSTER:
            self.leave(name, "status_left_out", "is what a cluster wrote; it is left out")
        self.end()

    def end(self) -> None:
        """Raise RefusedError for the first field that nobody took."""
        for name in self._left:
            near = difflib.get_close_matches(name, self._known, 1)
            fix = f"write {near[0]}" if near else "leave it out"
            reason = f"is not a field of this format; {fix}"
            raise RefusedError("unknown_field", self.at(one_line(name)), reason)


def _as_text(value: Any, path: str) -> str:
    if value is None:
        return ""
    found = value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        found = ",".join(value)
    if not isinstance(found, str):
        raise RefusedError("invalid_value", path, "must be a text")
    if len(found) > MAX_TEXT:
        raise RefusedError("too_large", path, f"is longer than {MAX_TEXT} characters")
    return found


def number(text: str, path: str) -> Decimal:
    """Return a finite number exactly as it is written."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 15 or len(text) > 30:  # noqa: PLR2004
        raise RefusedError("invalid_value", path, f"is {one_line(text)[:40]!r}; must be a number")
    return value


def objective(value: Decimal, path: str, whole_is: int) -> Decimal:
    """Return an objective as a ratio between 0 and 1; `whole_is` 100 for percentages."""
    if not 0 < value < whole_is:
        reason = f"is {value}; must be above 0 and below {whole_is}, or there is no error budget"
        raise RefusedError("target_out_of_range", path, reason)
    return (value / whole_is).normalize()


def name_of(text: str, path: str, notes: Notes) -> str:
    """Return a name of the form that ours have, and say so where it differs."""
    if _NAME.match(text):
        return text
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:63].rstrip("-._")
    if not name:
        raise RefusedError("invalid_name", path, "has no letter or digit to make a name of")
    notes.add("renamed", path, f"is called {name} here: names are of lower-case letters")
    return name


def split_labels(
    found: Mapping[str, str], path: str, notes: Notes
) -> tuple[dict[str, str], dict[str, str]]:
    """Return (labels, annotations): what cannot be a label is kept as an annotation."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    for key, value in found.items():
        if len(labels) < MAX_LABELS and _LABEL_KEY.match(key) and _LABEL_VALUE.match(value):
            labels[key] = value
        else:
            annotations[key] = value
            text = "is kept as an annotation: it has no label's form, or there are too many"
            notes.add("label_as_annotation", f"{path}.{key}", text)
    return labels, annotations
