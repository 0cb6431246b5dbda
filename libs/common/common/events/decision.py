"""What the gate publishes: whether a service may be released."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from common.events.fields import Instant, ServiceName
from common.slo.vocabulary import DataStatus, RiskLevel

Decision = Literal["ALLOW", "WARN", "BLOCK", "UNKNOWN"]
ReleaseState = Literal["ALLOW", "WARN", "BLOCK", "UNKNOWN", "OVERRIDDEN"]
"""A decision, or that a person has decided instead of the gate."""

ChangeClass = Literal["feature", "fix", "security", "rollback"]
OnUnknown = Literal["ALLOW", "WARN", "BLOCK"]


class Reason(Struct, frozen=True):
    """Why: `observed` beside `threshold`, in the unit that the sentence names.

    `effect` is the decision that this reason alone would make; the most severe one decides.
    """

    code: str
    effect: Decision
    slo: str | None
    observed: float | None
    threshold: float | None
    message: str


class Verdict(Struct, frozen=True):
    """The decision for one class of change, with or without an override.

    Without `override_id` it is what holds for everybody. With one it holds for as long as the
    override may be used; with `version` too, only for that version. `since` is when the decision
    (not its reasons) began to be what it is.
    """

    change_class: ChangeClass
    decision: Decision
    allowed: bool
    since: Instant
    reasons: tuple[Reason, ...]
    override_id: int | None = None
    version: str | None = None


class GateDecision(Struct, frozen=True, tag_field="type", tag="gate_decision"):
    """All verdicts on a service at one instant; after `expires_at` they are no longer known.

    The verdicts stand in the order of precedence: of those that fit a change (its class, its
    version, an override with uses left) the first one holds. `decided_at` is when they last
    changed, `evaluated_at` when they were last found to hold, with the figures of that moment.
    Of two decisions of a service the one with the greater (epoch, evaluated_at) holds.
    """

    service_name: ServiceName
    shard: int
    epoch: int
    decision_id: Annotated[str, Meta(description="Names the stored inputs of `decided_at`")]
    decided_at: Instant
    evaluated_at: Instant
    expires_at: Instant
    data_at: Annotated[Instant | None, Meta(description="Up to when the counts behind it reach")]
    tier: Literal[1, 2, 3]
    risk_level: RiskLevel
    data_status: DataStatus
    on_unknown: OnUnknown
    policy_name: str
    policy_hash: str
    unblocked_at: Annotated[
        Instant | None,
        Meta(description="When the block is forecast to end if no more errors come"),
    ]
    verdicts: tuple[Verdict, ...]
    snapshot_id: Annotated[
        str | None, Meta(description="The snapshot of `evaluated_at`; null without one")
    ] = None
    newest_report_at: Annotated[
        Instant | None, Meta(description="Timestamp of the newest report in that snapshot")
    ] = None
