"""Say what a write changed, field by field, in the details of its audit entry. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_KEY: Final = "changes"

Document = Mapping[str, Any]
"""An object as JSON has it."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that was written: its value before, and since. None: there was none."""

    field: str
    old: Any
    new: Any


def field_changes(old: Document | None, new: Document | None) -> list[FieldChange]:
    """Return what differs between an object before and since; None: there was no such object.

    A field of a field has its name behind a dot: `risk.FREEZE`.
    """
    before, after = dict(_leaves(old or {})), dict(_leaves(new or {}))
    names = [*after, *(name for name in before if name not in after)]
    changes = (FieldChange(name, before.get(name), after.get(name)) for name in names)
    return [change for change in changes if change.old != change.new]


def with_changes(details: Document, changes: Iterable[FieldChange]) -> dict[str, Any]:
    """Return the details of an entry with what its write changed."""
    return {**details, _KEY: {c.field: {"old": c.old, "new": c.new} for c in changes}}


def changes_in(details: Document) -> list[FieldChange]:
    """Return what a write changed, of the details of its entry; older entries do not say it."""
    changes = details.get(_KEY, {})
    return [FieldChange(field, pair["old"], pair["new"]) for field, pair in changes.items()]


def reason_in(details: Document) -> str | None:
    """Return why it was written, where somebody said so."""
    said: str | None = details.get("reason", details.get("comment"))
    return said


def _leaves(document: Document, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
