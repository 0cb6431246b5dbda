"""Decisions as they are published and stored, and whether one says anything new. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from common.events import GateDecision
from common.policy.model import Policy
from gate.domain.decision import Inputs, Outcome


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision that says something new, with all that it was made of."""

    decision: GateDecision
    inputs: Inputs
    policy: Policy


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a decision is published with, beside its outcome."""

    shard: int
    epoch: int
    decision_id: str
    expires_after: timedelta


def published(
    policy: Policy, inputs: Inputs, outcome: Outcome, stamp: Stamp, before: GateDecision | None
) -> GateDecision:
    """Return the decision as it goes out: that of `before`, found to hold, where nothing is new."""
    fresh = GateDecision(
        service_name=inputs.service_name,
        shard=stamp.shard,
        epoch=stamp.epoch,
        decision_id=stamp.decision_id,
        decided_at=inputs.now,
        evaluated_at=inputs.now,
        expires_at=inputs.now + stamp.expires_after,
        data_at=outcome.data_at,
        tier=inputs.tier,
        risk_level=outcome.risk_level,
        data_status=outcome.data_status,
        on_unknown=outcome.on_unknown,
        policy_name=policy.name,
        policy_hash=policy.policy_hash,
        unblocked_at=outcome.unblocked_at,
        verdicts=outcome.verdicts,
    )
    if before is None or meaning(fresh) != meaning(before):
        return fresh
    return replace(fresh, decision_id=before.decision_id, decided_at=before.decided_at)


def meaning(decision: GateDecision) -> tuple[object, ...]:
    """Return what a decision says, without its instants, its figures and the order of reasons."""
    verdicts = tuple(
        (
            verdict.change_class,
            verdict.override_id,
            verdict.version,
            verdict.decision,
            verdict.allowed,
            frozenset((reason.code, reason.slo, reason.effect) for reason in verdict.reasons),
        )
        for verdict in decision.verdicts
    )
    return (
        decision.policy_hash,
        decision.tier,
        decision.risk_level,
        decision.data_status,
        decision.on_unknown,
        verdicts,
    )
