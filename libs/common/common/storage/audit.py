"""Chain audit entries by hash: each entry holds the hash of the one before it. Pure.

Altering, inserting or removing an entry breaks the chain, unless all later hashes are written
anew; against that, compare the newest hash with a copy that is kept elsewhere.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from common.storage.audit_changes import FieldChange, with_changes

GENESIS: Final = "0" * 64
"""Stands in the first entry where the former entry's hash would."""


class AuditHead(Struct, frozen=True):
    """The newest entry's number and hash; number 0 and GENESIS before the first."""

    id: int = 0
    hash: str = GENESIS


class AuditEntry(Struct, frozen=True):
    """An audited event in the chain. `details` is canonical JSON, the text that was hashed.

    `actor` is kind and name of the credential, `credential` its id, `on_behalf_of` a name that was
    typed. An entry from before `credential` was kept has the typed name as `actor`.
    """

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    service_name: str | None
    details: str
    previous_hash: str
    hash: str
    credential: str | None = None
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event to audit, before it has a place in the chain; `at` is in UTC.

    `changes` has the old and the new value of each field, and is empty only where nothing that is
    stored was changed. Who acted is known by the request's credential; `on_behalf_of` is what was
    typed of it.
    """

    at: datetime
    action: str
    subject: str
    service_name: str | None
    details: dict[str, Any]
    changes: Sequence[FieldChange]
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first broken entry, and what is wrong with it."""

    id: int
    detail: str


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces. Raises ValueError for NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def chained(head: AuditHead, event: AuditEvent, actor: str, credential: str) -> AuditEntry:
    """Return the entry that follows the head: an event, and the actor by whose credential."""
    entry = AuditEntry(
        id=head.id + 1,
        at=event.at,
        actor=actor,
        action=event.action,
        subject=event.subject,
        service_name=event.service_name,
        details=canonical_json(with_changes(event.details, event.changes)),
        previous_hash=head.hash,
        hash="",
        credential=credential,
        on_behalf_of=event.on_behalf_of,
    )
    return msgspec.structs.replace(entry, hash=entry_hash(entry))


def entry_hash(entry: AuditEntry) -> str:
    """Return SHA-256, in hex, of the canonical JSON of everything but the hash."""
    content = {**_content(entry), "at": _text(entry.at)}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


class ChainCheck:
    """Verify a chain from its first entry on; one with gaps where entries were left out."""

    def __init__(self, *, has_gaps: bool = False) -> None:
        self._has_gaps = has_gaps
        self.head = AuditHead()
        """The last entry that was verified."""

    def add(self, entry: AuditEntry) -> AuditFault | None:
        """Return what is wrong with the next entry; None where it follows the former."""
        expected = self.head.id + 1
        if entry.id != expected and not self._has_gaps:
            return AuditFault(expected, f"is missing; entry {entry.id} stands in its place")
        if entry.id < expected:
            return AuditFault(entry.id, f"stands behind entry {self.head.id}")
        if entry.id == expected and entry.previous_hash != self.head.hash:
            return AuditFault(entry.id, "does not carry the hash of the entry before it")
        if entry.hash != entry_hash(entry):
            return AuditFault(entry.id, "was altered: its content does not have its hash")
        self.head = AuditHead(entry.id, entry.hash)
        return None

    def finish(self, stored: AuditHead) -> AuditFault | None:
        """Return what is wrong with the end: the newest entry must be the one that is stored."""
        if stored.id > self.head.id:
            return AuditFault(self.head.id + 1, f"is missing; {stored.id} entries were written")
        if stored != self.head:
            return AuditFault(self.head.id, "is not the entry that was written last")
        return None


def _content(entry: AuditEntry) -> dict[str, Any]:
    """Return what is hashed; fields that an older entry does not have are not in it."""
    content = msgspec.structs.asdict(entry)
    later = {name: content.pop(name) for name in ("credential", "on_behalf_of")}
    del content["hash"]
    return content | {name: value for name, value in later.items() if value is not None}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
