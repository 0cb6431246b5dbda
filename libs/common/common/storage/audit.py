"""Chain audit entries by hash: each entry holds the hash of the one before it. Pure.

Altering, inserting or removing an entry breaks the chain, unless all later hashes are written
anew; against that, compare the newest hash with a copy that is kept elsewhere.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

GENESIS: Final = "0" * 64
"""Stands in the first entry where the former entry's hash would."""


class AuditHead(Struct, frozen=True):
    """The newest entry's number and hash; number 0 and GENESIS before the first."""

    id: int = 0
    hash: str = GENESIS


class AuditEntry(Struct, frozen=True):
    """An audited event in the chain. `details` is canonical JSON, the text that was hashed."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    service_name: str | None
    details: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event to audit, before it has a place in the chain; `at` is in UTC."""

    at: datetime
    actor: str
    action: str
    subject: str
    service_name: str | None
    details: dict[str, Any]


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


def chained(head: AuditHead, event: AuditEvent) -> AuditEntry:
    """Return the entry of an event that follows the head."""
    entry = AuditEntry(
        id=head.id + 1,
        at=event.at,
        actor=event.actor,
        action=event.action,
        subject=event.subject,
        service_name=event.service_name,
        details=canonical_json(event.details),
        previous_hash=head.hash,
        hash="",
    )
    return msgspec.structs.replace(entry, hash=entry_hash(entry))


def entry_hash(entry: AuditEntry) -> str:
    """Return SHA-256, in hex, of the canonical JSON of everything but the hash."""
    content = {**_content(entry), "at": _text(entry.at)}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


class ChainCheck:
    """Verify a chain from its first entry on."""

    def __init__(self) -> None:
        self._head = AuditHead()

    @property
    def head(self) -> AuditHead:
        """The last entry that was verified."""
        return self._head

    def add(self, entry: AuditEntry) -> AuditFault | None:
        """Return what is wrong with the next entry; None where it follows the former."""
        expected = self._head.id + 1
        if entry.id != expected:
            return AuditFault(expected, f"is missing; entry {entry.id} stands in its place")
        if entry.previous_hash != self._head.hash:
            return AuditFault(entry.id, "does not carry the hash of the entry before it")
        if entry.hash != entry_hash(entry):
            return AuditFault(entry.id, "was altered: its content does not have its hash")
        self._head = AuditHead(entry.id, entry.hash)
        return None

    def finish(self, stored: AuditHead) -> AuditFault | None:
        """Return what is wrong with the end: the newest entry must be the one that is stored."""
        if stored.id > self._head.id:
            return AuditFault(self._head.id + 1, f"is missing; {stored.id} entries were written")
        if stored != self._head:
            return AuditFault(self._head.id, "is not the entry that was written last")
        return None


def _content(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in AuditEntry.__struct_fields__[:-1]}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
