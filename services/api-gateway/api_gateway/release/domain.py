"""Whether a change may be released: chosen from what the gate decided. Pure.

The gate decides for every class of change and every override; here the verdict that fits is
selected, and what is too old to be known is said to be unknown.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api_gateway.catalog.domain import Service, Tier
from common.events import (
    ChangeClass,
    ChangeEvent,
    Decision,
    GateDecision,
    Reason,
    ReleaseState,
    Verdict,
)
from common.policy.model import Policy
from common.slo import wording
from common.slo.vocabulary import DataStatus, RiskLevel

UNDECIDED: Final = ""
"""The decision id of an answer that no decision of the gate stands behind."""

DEFAULT_CLASS: Final[ChangeClass] = "feature"


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """A change that is to be released; without a version no override for one applies."""

    change_class: ChangeClass = DEFAULT_CLASS
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The answer for one change. `override_id` is the override that made the decision."""

    service_name: str
    change: ProposedChange
    decision: Decision
    allowed: bool
    reasons: tuple[Reason, ...]
    risk_level: RiskLevel
    data_status: DataStatus
    data_age_seconds: float
    decision_id: str
    decided_at: datetime
    evaluated_at: datetime
    expires_at: datetime
    tier: Tier
    policy_name: str
    policy_hash: str
    unblocked_at: datetime | None
    override_id: int | None
    snapshot_id: str | None = None
    newest_report_at: datetime | None = None

    @property
    def state(self) -> ReleaseState:
        """The decision in one word: what a person has decided is a state of its own."""
        return self.decision if self.override_id is None else "OVERRIDDEN"


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision with all that it was made of: its inputs and the policy's whole text."""

    decision: GateDecision
    inputs: dict[str, Any]
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredChange:
    """A change; `appended_at` is when the broker took it.

    `reported_by` is kind and name of the credential that sent it to ingest; None: not known.
    """

    identity: bytes
    event: ChangeEvent
    appended_at: datetime
    reported_by: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Changes with since <= at <= until, of one service or of all, older than `before`.

    `kinds` are those that are asked for; None are all, notes among them.
    """

    service_name: str | None
    since: datetime
    until: datetime
    before: tuple[datetime, bytes] | None
    limit: int
    kinds: Sequence[str] | None = None


def release_of(
    decision: GateDecision,
    change: ProposedChange,
    service: Service,
    in_force: Collection[int],
    now: datetime,
) -> Release | None:
    """Return the answer by the gate's newest decision; None where no verdict fits the change.

    `in_force` are the ids of the service's overrides that may be used now: one that has just been
    revoked, used up or run out no longer counts, whether or not the gate has decided since.
    """
    verdict = _fitting(decision.verdicts, change, in_force)
    if verdict is None:
        return None
    found, allowed, reasons = verdict.decision, verdict.allowed, verdict.reasons
    if decision.expires_at <= now:
        found, allowed, reasons = _expired(decision, verdict, now)
    return Release(
        service_name=decision.service_name,
        change=change,
        decision=found,
        allowed=allowed,
        reasons=reasons,
        risk_level=decision.risk_level,
        data_status=decision.data_status,
        data_age_seconds=_age_seconds(decision.data_at or service.created_at, now),
        decision_id=decision.decision_id,
        decided_at=decision.decided_at,
        evaluated_at=decision.evaluated_at,
        expires_at=decision.expires_at,
        tier=decision.tier,
        policy_name=decision.policy_name,
        policy_hash=decision.policy_hash,
        unblocked_at=decision.unblocked_at,
        override_id=verdict.override_id,
        snapshot_id=decision.snapshot_id,
        newest_report_at=decision.newest_report_at,
    )


def feature_release(
    decision: GateDecision | None, service: Service, in_force: Collection[int], now: datetime
) -> Release | None:
    """Return what holds for a feature change of no special version; None while undecided."""
    if decision is None:
        return None
    return release_of(decision, ProposedChange(), service, in_force, now)


def undecided(
    service: Service,
    change: ProposedChange,
    policy: Policy,
    figures: tuple[RiskLevel, DataStatus],
    now: datetime,
) -> Release:
    """Return the answer while the gate has never decided on a service: UNKNOWN by the policy."""
    meaning = policy.unknown_as(service.tier)
    message = (
        f"the gate has not decided on {service.name} yet; policy {policy.name} takes that as "
        f"{meaning} in tier {service.tier}"
    )
    level, status = figures
    return Release(
        service_name=service.name,
        change=change,
        decision="UNKNOWN",
        allowed=meaning != "BLOCK",
        reasons=(Reason("no_decision", "UNKNOWN", None, None, None, message),),
        risk_level=level,
        data_status=status,
        data_age_seconds=_age_seconds(service.created_at, now),
        decision_id=UNDECIDED,
        decided_at=now,
        evaluated_at=now,
        expires_at=now,
        tier=service.tier,
        policy_name=policy.name,
        policy_hash=policy.policy_hash,
        unblocked_at=None,
        override_id=None,
    )


def _fitting(
    verdicts: Collection[Verdict], change: ProposedChange, in_force: Collection[int]
) -> Verdict | None:
    """Return the first verdict that fits: they stand in the order of precedence."""
    fitting = (
        verdict
        for verdict in verdicts
        if verdict.change_class == change.change_class
        and verdict.version in {None, change.version}
        and (verdict.override_id is None or verdict.override_id in in_force)
    )
    return next(fitting, None)


def _expired(
    decision: GateDecision, verdict: Verdict, now: datetime
) -> tuple[Decision, bool, tuple[Reason, ...]]:
    """Return what is left of a verdict that is too old: UNKNOWN replaces ALLOW and WARN only.

    What a person decided for a time that is not over does not age with the figures.
    """
    reason = _expiry(decision, now)
    if verdict.override_id is not None or verdict.decision in {"BLOCK", "UNKNOWN"}:
        return verdict.decision, verdict.allowed, (*verdict.reasons, reason)
    return "UNKNOWN", decision.on_unknown != "BLOCK", (reason, *verdict.reasons)


def _expiry(decision: GateDecision, now: datetime) -> Reason:
    age = _age_seconds(decision.evaluated_at, now)
    lifetime = (decision.expires_at - decision.evaluated_at).total_seconds()
    ago, known = wording.lasting(age, lifetime)
    message = (
        f"the gate last decided {ago} ago, which is known for {known}; "
        f"policy {decision.policy_name} takes that as {decision.on_unknown} "
        f"in tier {decision.tier}"
    )
    return Reason("decision_expired", "UNKNOWN", None, age, lifetime, message)


def _age_seconds(instant: datetime, now: datetime) -> float:
    return max(0.0, (now - instant).total_seconds())
