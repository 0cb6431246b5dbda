"""Decisions as they are published, stored and replayed. Pure."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from msgspec.structs import asdict, replace

from common.config.clock import to_micros
from common.decisions.decision import Evaluation, Inputs
from common.decisions.evaluate import evaluate
from common.events import GateDecision, ReleaseState, Verdict
from common.policy.model import Policy

RANDOM_BYTES = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32
LENGTH = 26
_RANDOM_BITS = 8 * RANDOM_BYTES


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A new decision with its inputs and its policy.

    `previous_until` is when the one before it had expired; None where it held until this one.
    """

    decision: GateDecision
    inputs: Inputs
    policy: Policy
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a decision is published with, besides its evaluation."""

    shard: int
    epoch: int
    decision_id: str
    expires_after: timedelta


def published(
    policy: Policy, inputs: Inputs, found: Evaluation, stamp: Stamp, before: GateDecision | None
) -> GateDecision:
    """Return the decision to publish; where nothing is new, it keeps id and time of `before`."""
    snapshot = inputs.snapshot
    fresh = GateDecision(
        service_name=inputs.service_name,
        shard=stamp.shard,
        epoch=stamp.epoch,
        decision_id=stamp.decision_id,
        decided_at=inputs.now,
        evaluated_at=inputs.now,
        expires_at=inputs.now + stamp.expires_after,
        tier=inputs.tier,
        policy_name=policy.name,
        policy_hash=policy.policy_hash,
        snapshot_id=snapshot.snapshot_id if snapshot else None,
        newest_report_at=snapshot.newest_at if snapshot else None,
        **asdict(found),
    )
    if before is None or meaning(fresh) != meaning(before):
        return fresh
    return replace(fresh, decision_id=before.decision_id, decided_at=before.decided_at)


def meaning(decision: GateDecision) -> tuple[object, ...]:
    """Return what makes a decision another one: not its instants, figures and order of reasons."""
    verdicts = tuple(
        (
            verdict.change_class,
            verdict.override_id,
            verdict.version,
            verdict.decision,
            verdict.allowed,
            frozenset(Counter((r.code, r.slo, r.effect) for r in verdict.reasons).items()),
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


def feature_state(decision: GateDecision) -> ReleaseState:
    """Return what holds for a feature of no special version."""
    first = next(v for v in decision.verdicts if v.change_class == "feature" and not v.version)
    return first.decision if first.override_id is None else "OVERRIDDEN"


def decision_id(at: datetime, randomness: bytes) -> str:
    """Return a ULID (ULID specification): milliseconds since 1970, then 10 random bytes."""
    number = (to_micros(at) // 1000) << _RANDOM_BITS | int.from_bytes(randomness, "big")
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored decision, and the one that its inputs give now."""

    stored: GateDecision
    again: GateDecision

    @property
    def is_same(self) -> bool:
        """Whether the two are equal."""
        return self.stored == self.again

    def differing(self) -> list[tuple[Verdict | None, Verdict | None]]:
        """Return the verdicts that differ, as stored and as replayed; None where there is none."""
        pairs = zip_longest(self.stored.verdicts, self.again.verdicts)
        return [(stored, again) for stored, again in pairs if stored != again]


def replay(record: DecisionRecord) -> Replay:
    """Decide again on the stored inputs by the stored policy."""
    stored = record.decision
    stamp = Stamp(
        stored.shard, stored.epoch, stored.decision_id, stored.expires_at - stored.evaluated_at
    )
    found = evaluate(record.policy, record.inputs)
    again = published(record.policy, record.inputs, found, stamp, None)
    if stored.snapshot_id is None:  # of before decisions named what they rest on
        again = replace(again, snapshot_id=None, newest_report_at=stored.newest_report_at)
    return Replay(stored, again)
