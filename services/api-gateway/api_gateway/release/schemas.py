"""Release decisions, their history and changes over HTTP."""

from dataclasses import fields
from datetime import datetime
from typing import Any, Self

from msgspec.structs import asdict
from pydantic import Field

from api_gateway.catalog.domain import Tier
from api_gateway.http.types import Answer, Instant
from api_gateway.policy.domain import Override
from api_gateway.policy.schemas import OverrideAnswer
from api_gateway.release.domain import Release, StoredChange, StoredDecision
from api_gateway.release.service import ReleaseFound
from api_gateway.release.timeline import Answered
from common.events import (
    ChangeClass,
    ChangeKind,
    Decision,
    OnUnknown,
)
from common.slo.vocabulary import DataStatus, RiskLevel


class ReasonAnswer(Answer):
    """Why: `observed` beside `threshold`, in the unit that the sentence names."""

    code: str
    effect: Decision = Field(description="The decision that this reason alone would make")
    slo: str | None
    observed: float | None
    threshold: float | None
    message: str


class GateAnswer(Answer):
    """What the gate says of one change: its decision, and the override that made it, if one did."""

    change_class: ChangeClass
    version: str | None = Field(description="The version asked for")
    decision: Decision
    allowed: bool = Field(description="UNKNOWN is allowed where the policy says so for the tier")
    overridden: bool = Field(description="A person has decided, and not the gate")
    override: OverrideAnswer | None = Field(
        description="The override that made the decision, if one did"
    )
    reasons: list[ReasonAnswer] = Field(description="The one that decides comes first")


class ReleaseAnswer(GateAnswer):
    """Whether a change may be released now. What decides is never null."""

    service_name: str
    risk_level: RiskLevel
    data_age_seconds: float = Field(
        ge=0,
        description="So long ago is up to when all that was sent is counted; the age of the "
        "service where nothing ever was. `newest_report_at` is of the newest report",
    )
    newest_report_at: Instant | None = Field(description="Timestamp of the newest report behind it")
    snapshot_id: str | None = Field(description="The snapshot that its figures are of")
    decision_id: str = Field(description="Empty while the gate has not decided on the service")
    evaluated_at: Instant
    expires_at: Instant
    tier: Tier
    data_status: DataStatus
    policy: str = Field(description="Name of the policy that holds for the service")
    policy_hash: str
    unblocked_at: Instant | None = Field(
        description="When the block lifts if no more errors come, by the forecast"
    )

    @classmethod
    def of(cls, found: ReleaseFound) -> Self:
        """Return the answer for what was found."""
        release = found.release
        own = {field.name: getattr(release, field.name) for field in fields(release)}
        said = _said(release, found.override, found.now)
        return cls.model_validate({**own, **said, "policy": release.policy_name})


class VerdictAnswer(Answer):
    """The decision for one class of change, with or without an override."""

    change_class: ChangeClass
    decision: Decision
    allowed: bool
    since: Instant = Field(description="When the decision began to be what it is")
    reasons: list[ReasonAnswer]
    override_id: int | None
    version: str | None = Field(description="The only version that the override holds for")


class DecisionAnswer(Answer):
    """A decision as the gate first published it, for every class of change and every override."""

    decision_id: str
    service_name: str
    decided_at: Instant
    risk_level: RiskLevel
    data_status: DataStatus
    data_at: Instant | None
    tier: Tier
    on_unknown: OnUnknown
    policy: str = Field(validation_alias="policy_name")
    policy_hash: str
    unblocked_at: Instant | None
    snapshot_id: str | None
    verdicts: list[VerdictAnswer]


class HistoryEntry(GateAnswer, DecisionAnswer):
    """What the gate answered for a while, and the decision behind it as it was first published."""

    since: Instant = Field(description="When the gate began to answer so")
    until: Instant | None = Field(description="When it ceased to; null: it still does")

    @classmethod
    def of_answered(cls, found: Answered, now: datetime) -> Self:
        """Return the entry of an answer; its override is shown as it is now."""
        return cls.model_validate(
            {
                **asdict(found.decision),
                **_said(found.release, found.override, now),
                "since": found.since,
                "until": found.until,
            }
        )


class DecisionEvidence(DecisionAnswer):
    """A decision with everything it was made of; `burnline gate replay` makes it again."""

    inputs: dict[str, Any]
    policy_document: dict[str, Any]

    @classmethod
    def of_stored(cls, stored: StoredDecision) -> Self:
        """Return the answer for a stored decision."""
        shown = asdict(stored.decision)
        return cls.model_validate(
            {**shown, "inputs": stored.inputs, "policy_document": stored.policy}
        )


class ChangeAnswer(Answer):
    """Something about a service was changed; texts that were not sent are empty."""

    id: str = Field(description="The change's identity: the same for the same change sent again")
    service_name: str
    at: Instant
    kind: ChangeKind
    version: str
    actor: str = Field(description="Who made it, as its sender says")
    reported_by: str | None = Field(
        description="Kind and name of the credential that sent it; null: not by `/v1/changes`",
        examples=["key/checkout pipeline"],
    )
    url: str
    note: str
    source: str
    received_at: Instant

    @classmethod
    def of(cls, stored: StoredChange) -> Self:
        """Return the answer for a stored change."""
        return cls.model_validate(
            {
                **asdict(stored.event),
                "id": stored.identity.hex(),
                "service_name": stored.event.service,
                "received_at": stored.appended_at,
                "reported_by": stored.reported_by,
            }
        )


def _said(release: Release, override: Override | None, now: datetime) -> dict[str, Any]:
    """Return the fields of `GateAnswer`."""
    return {
        "change_class": release.change.change_class,
        "version": release.change.version,
        "decision": release.decision,
        "allowed": release.allowed,
        "overridden": release.override_id is not None,
        "override": None if override is None else OverrideAnswer.of(override, now),
        "reasons": release.reasons,
    }
