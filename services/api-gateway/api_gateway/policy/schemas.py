"""Overrides and gate policies over HTTP."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from api_gateway.http.types import BY, NUMBER, WHOLE, Answer, Instant, Line, Statement, revision_of
from api_gateway.policy.domain import NewOverride, Override, Phase, phase_of
from api_gateway.policy.policies import ShownPolicy
from common.access.principal import current_actor, current_credential
from common.events import ChangeClass, OnUnknown

MIN_MINUTES = Decimal("0.1")
MAX_MINUTES = 1440
MAX_USES = 1_000_000


Minutes = Annotated[
    Decimal,
    Field(ge=MIN_MINUTES, le=MAX_MINUTES),
    NUMBER,
    WithJsonSchema({"type": "number", "minimum": float(MIN_MINUTES), "maximum": MAX_MINUTES}),
]


class OverrideRequest(Statement):
    """What the gate is to answer instead of its own decision, for which changes, for how long."""

    decision: OnUnknown
    # the default as JSON has it: a decimal would stand as a text in the document
    expires_in_minutes: Minutes = Field(Decimal(60), json_schema_extra={"default": 60})
    ticket: Line | None = Field(None, examples=["INC-2211"])
    version: Line | None = Field(None, description="Only for this version; null: for any")
    change_class: ChangeClass | None = Field(None, description="Only for this; null: for any")
    max_uses: Annotated[int, Field(ge=1, le=MAX_USES), WHOLE] | None = Field(
        None, description="How many checks it lets through (GET does not count); null: any number"
    )

    @model_validator(mode="after")
    def _blocks_have_no_uses(self) -> Self:
        if self.decision == "BLOCK" and self.max_uses is not None:
            raise PydanticCustomError(
                "not_applicable", "max_uses belongs to overrides that let changes through"
            )
        return self

    def new_override(
        self, service_name: str, idempotency_key: str | None, now: datetime
    ) -> NewOverride:
        """Return the override that is requested; it ends by itself at its time."""
        return NewOverride(
            service_name=service_name,
            created_at=now,
            expires_at=now + timedelta(minutes=float(self.expires_in_minutes)),
            state="active",
            idempotency_key=idempotency_key,
            actor=current_actor(),
            credential=current_credential(),
            on_behalf_of=self.actor,
            **self.model_dump(exclude={"actor", "expires_in_minutes"}),
        )


class OverrideAnswer(Answer):
    """An override as it is now. `state` says by itself when it has expired or is used up."""

    id: int
    service_name: str
    state: Phase
    decision: OnUnknown
    actor: str = Field(description=BY, examples=["key/ana"])
    on_behalf_of: str | None = Field(description="The name in the request")
    reason: str
    ticket: str | None
    version: str | None
    change_class: ChangeClass | None
    created_at: Instant
    expires_at: Instant
    max_uses: int | None
    uses: int = Field(description="Checks that it has let through")
    last_used_at: Instant | None
    approver: str | None = Field(description=BY)
    approved_on_behalf_of: str | None
    ended_by: str | None
    ended_on_behalf_of: str | None
    ended_at: Instant | None
    end_reason: str | None

    @classmethod
    def of(cls, override: Override, now: datetime) -> Self:
        """Return the answer for an override at `now`."""
        fields = {name: getattr(override, name) for name in cls.model_fields if name != "state"}
        return cls(state=phase_of(override, now), **fields)


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
