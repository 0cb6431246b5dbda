"""A write that may make a promise milder, and the two ways in which it is not made yet. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from api_gateway.loosening.domain import Loosened, Promise

Demanded = Literal["always", "while_blocked", "never"]
Document = dict[str, Any]
"""An object as data, as it can be written again; None: there is none."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Why somebody writes, and how: `dry_run` shows what would happen and changes nothing.

    `approval_of` is the loosening that has been approved and is put in force now, `undo_of` the one
    that is undone.
    """

    reason: str | None = None
    on_behalf_of: str | None = None
    dry_run: bool = False
    approval_of: int | None = None
    approver: str | None = None
    undo_of: int | None = None


AS_IS = Terms()
"""Of a writer that gives no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A write: what it is about, in which fields it loosens, and the object before and after.

    `services` are those that are promised something milder; without names every service. `promise`
    is the new one. A reason is `demanded` always, asked for while the gate blocks one of them, or
    never. Without `until` the loosening is shown for a day.
    """

    subject: str
    title: str
    services: tuple[str, ...]
    loosened: Loosened
    before: Document | None
    after: Document | None
    promise: Promise | None = None
    demanded: Demanded = "always"
    until: datetime | None = None


class NotMadeError(Exception):
    """Leaves a transaction without a change: the edit is only shown, or waits."""

    def __init__(self, edit: Edit, terms: Terms) -> None:
        super().__init__(edit.subject)
        self.edit, self.terms = edit, terms


class PreviewAskedError(NotMadeError):
    """Only shown: a dry run."""


class ApprovalNeededError(NotMadeError):
    """Waits for another credential."""


MOST_NAMED = 200
"""Services that a loosening names; of more it says that it is about every service."""


def named_services(found: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """Return the services that a loosening names: none where it is about very many."""
    return () if len(found) > MOST_NAMED or len(found) == len(known) > 1 else tuple(sorted(found))


def merged(found: Iterable[Loosened]) -> Loosened:
    """Return the fields of several services, each once."""
    return tuple(dict.fromkeys(field for fields in found for field in fields))
