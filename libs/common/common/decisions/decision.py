"""The inputs of a decision and its evaluation. Pure; the inputs are stored with the decision."""

from datetime import datetime, timedelta
from fractions import Fraction

from msgspec import Struct

from common.events import (
    BurnRateSnapshot,
    ChangeClass,
    Decision,
    GateDecision,
    LooseningChanged,
    OnUnknown,
    OverrideChanged,
    ServiceForecast,
    SloStatus,
    Verdict,
)
from common.policy.model import Tier
from common.slo import freshness
from common.slo.arithmetic import exact_composite
from common.slo.risk import is_near
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS


class ShardSign(Struct, frozen=True):
    """The last sign of life of a shard's owner, and up to when all events are counted."""

    epoch: int
    heard_at: datetime
    applied_through: datetime


class Standing(Struct, frozen=True):
    """The decision for a class of change, and since when it stands."""

    decision: Decision
    since: datetime


class Previous(Struct, frozen=True):
    """The part of the last decision on a service that the next one depends on."""

    decision_id: str
    policy_hash: str
    standing: dict[ChangeClass, Standing]


class Inputs(Struct, frozen=True):
    """Everything that a decision depends on, besides the policy, which is stored by its hash.

    `sign` is the newest of the shard's owner; None where it was never heard of. A snapshot that
    was not confirmed for `silent_after_seconds` is not trusted any more.
    """

    service_name: str
    tier: Tier
    now: datetime
    silent_after_seconds: float
    sign: ShardSign | None
    snapshot: BurnRateSnapshot | None
    forecast: ServiceForecast | None
    overrides: tuple[OverrideChanged, ...]
    previous: Previous | None
    loosenings: tuple[LooseningChanged, ...] = ()


class Evaluation(Struct, frozen=True):
    """What the policy says about the inputs; the fields are those of `GateDecision`."""

    data_at: datetime | None
    data_status: DataStatus
    risk_level: RiskLevel
    on_unknown: OnUnknown
    unblocked_at: datetime | None
    verdicts: tuple[Verdict, ...]


def previous_of(decision: GateDecision) -> Previous:
    """Return the part of a decision that the next one depends on."""
    return Previous(
        decision.decision_id,
        decision.policy_hash,
        {
            verdict.change_class: Standing(verdict.decision, verdict.since)
            for verdict in decision.verdicts
            if verdict.override_id is None
        },
    )


def data_at(inputs: Inputs) -> datetime | None:
    """Return up to when the counts behind a decision reach; None without a snapshot.

    A later heartbeat of the same owner confirms the snapshot.
    """
    snapshot, sign = inputs.snapshot, inputs.sign
    if snapshot is None:
        return None
    if sign is None or sign.epoch != snapshot.epoch:
        return snapshot.applied_through
    return max(snapshot.applied_through, sign.applied_through)


def confirmed_at(inputs: Inputs) -> datetime | None:
    """Return when the snapshot was last confirmed; None where it never was.

    A new owner of the shard does not confirm what its predecessor has published.
    """
    snapshot, sign = inputs.snapshot, inputs.sign
    if sign is None or snapshot is None or sign.epoch == snapshot.epoch:
        return None if sign is None else sign.heard_at
    return snapshot.evaluated_at


def is_silent(inputs: Inputs) -> bool:
    """Whether the snapshot has not been confirmed for too long."""
    limit = timedelta(seconds=inputs.silent_after_seconds)
    return freshness.is_silent(confirmed_at(inputs), inputs.now, limit)


def is_budget_spent(slo: SloStatus) -> bool:
    """Whether the error budget is spent: exactly all of it counts as spent."""
    return slo.error_budget_remaining <= 0


def burns_below(slo: SloStatus, threshold: float) -> bool:
    """Whether the composite burn rate is below a threshold, in fractions where floats are near."""
    rate = slo.composite_burn_rate
    if not is_near(rate, threshold):
        return rate < threshold
    counts = [(slo.windows[name].bad, slo.windows[name].total) for name in BURN_WINDOWS]
    return exact_composite(counts, slo.objective) < Fraction(repr(threshold))


def is_usable(override: OverrideChanged, service_name: str, now: datetime) -> bool:
    """Whether an override of that service is in force."""
    return override.service_name == service_name and override.is_in_force(now)


def is_shown(loosening: LooseningChanged, service_name: str, now: datetime) -> bool:
    """Whether the decisions on a service name a loosening: it stands, and is about the service."""
    return (
        loosening.state == "standing"
        and loosening.loosened_at <= now < loosening.until
        and (not loosening.services or service_name in loosening.services)
    )


def by_precedence(overrides: tuple[OverrideChanged, ...]) -> list[OverrideChanged]:
    """Return overrides, those for one version first, the newest first."""
    return sorted(overrides, key=lambda override: (override.version is None, -override.id))
