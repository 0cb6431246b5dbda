"""Gate policies and the audit over HTTP."""

import json
from typing import Any, Literal, Self

from msgspec.structs import asdict
from pydantic import Field

from api_gateway.http.types import Answer, Instant, Statement, revision_of
from api_gateway.policy.policies import ShownPolicy
from common.storage.audit import AuditEntry

EXAMPLE = {"applies_to": {"services": ["checkout"]}, "risk": {"DANGER": "BLOCK"}}


class PolicyRequest(Statement):
    """A policy's new text; what the document leaves out it takes from the documented default."""

    document: dict[str, Any] = Field(
        description="The policy, as in its file; `name` may be left out", examples=[EXAMPLE]
    )


class PolicyAnswer(Answer):
    """A policy in force. What comes from a file has no revision and no times."""

    name: str
    hash: str = Field(description="SHA-256 of what it means; decisions name it")
    source: Literal["file", "api"]
    document: dict[str, Any] = Field(description="With every field")
    revision: int | None
    created_at: Instant | None
    updated_at: Instant | None

    @classmethod
    def of(cls, shown: ShownPolicy) -> Self:
        """Return the answer for a policy."""
        return cls(
            name=shown.policy.name,
            hash=shown.policy.policy_hash,
            source=shown.source,
            document=shown.policy.document,
            **revision_of(shown.stored),
        )


class AuditAnswer(Answer):
    """An audit entry. `hash` is that of all else in it, of which `previous_hash` is a part."""

    id: int
    at: Instant
    actor: str
    action: str
    subject: str = Field(examples=["override/12", "policy/payments"])
    service_name: str | None
    details: dict[str, Any]
    previous_hash: str
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Return the answer for an entry."""
        return cls.model_validate({**asdict(entry), "details": json.loads(entry.details)})
