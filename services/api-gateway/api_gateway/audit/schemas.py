"""The audit over HTTP."""

import json
from typing import Any, Self

from msgspec.structs import asdict
from pydantic import Field

from api_gateway.audit.domain import object_path
from api_gateway.http.types import BY, Answer, Instant
from common.storage.audit import AuditEntry
from common.storage.audit_changes import changes_in, reason_in


class FieldChangeAnswer(Answer):
    """A field that a write changed; null: there was no value, or is none any more."""

    field: str = Field(examples=["objective", "risk.FREEZE.feature"])
    old: Any
    new: Any


class AuditAnswer(Answer):
    """An audit entry. `hash` is that of what was stored, of which `previous_hash` is a part."""

    id: int
    at: Instant
    actor: str = Field(
        description=f"{BY}; the typed name in an entry without one",
        examples=["key/ana", "oidc/248289761001"],
    )
    credential: str | None = Field(description="Its id", examples=["key/4f1d09c2ab37"])
    on_behalf_of: str | None = Field(description="A name that was typed in the request")
    action: str
    subject: str = Field(examples=["override/12", "policy/payments"])
    service_name: str | None
    reason: str | None
    changes: list[FieldChangeAnswer] = Field(
        description="Empty where nothing that is stored was changed"
    )
    href: str | None = Field(description="Where REST shows the object, if it is there yet")
    details: dict[str, Any]
    previous_hash: str
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Return the answer for an entry."""
        details = json.loads(entry.details)
        shown = {
            "details": details,
            "reason": reason_in(details),
            "changes": changes_in(details),
            "href": object_path(entry.subject, entry.service_name),
        }
        return cls.model_validate({**asdict(entry), **shown})
