"""What becomes of one document: taken as it is, with notes, or refused with the fix."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["imported", "imported_with_notes", "refused"]


class RefusedError(ValueError):
    """A document that cannot be taken: a code for machines, the path of the field, the fix.

    `document` is its number in the file where the file itself cannot be read further.
    """

    def __init__(self, code: str, path: str, reason: str, line: int | None = None) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.code, self.path, self.reason, self.line = code, path, reason, line
        self.document = 0


@dataclass(frozen=True, slots=True)
class Note:
    """What was read otherwise than its author may expect, or was left out."""

    code: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Linted:
    """One document and what became of it; `documents` are those of `burnline/v1` it says."""

    file: str
    document: int
    kind: str
    name: str
    format: str
    notes: Sequence[Note] = ()
    code: str = ""
    path: str = ""
    reason: str = ""
    line: int | None = None
    documents: Sequence[Any] = field(default=(), repr=False)

    @property
    def verdict(self) -> Outcome:
        """Say in one word what became of the document."""
        if self.code:
            return "refused"
        return "imported_with_notes" if self.notes else "imported"
