"""Decisions as the gate publishes them, for tests of the gateway."""

from datetime import timedelta
from typing import Any

import msgspec

from api_gateway.policy.domain import NewOverride
from common.events import ChangeClass, Decision, GateDecision, Reason, Verdict
from common.kafka.sharding import shard_of
from common.policy.model import CHANGE_CLASSES
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.burn_events import NOW, PARTITIONS

LIFETIME = timedelta(seconds=30)
ALLOWING = NewOverride(
    service_name="checkout",
    decision="ALLOW",
    actor="ana",
    reason="hotfix for the payment outage",
    ticket=None,
    version=None,
    change_class=None,
    created_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    max_uses=None,
    state="active",
)


def reason(effect: Decision, code: str = "risk_level") -> Reason:
    """Return a reason for that decision."""
    return Reason(code, effect, "main", 2.5, 2.0, f"main burns at 2.5, which means {effect}")


def verdict(
    decision: Decision,
    change_class: ChangeClass = "feature",
    *,
    allowed: bool | None = None,
    **fields: Any,
) -> Verdict:
    """Return a verdict; UNKNOWN is not allowed unless asked so."""
    let = decision in {"ALLOW", "WARN"} if allowed is None else allowed
    base = Verdict(change_class, decision, let, NOW, (reason(decision),))
    return msgspec.structs.replace(base, **fields)


def decided(
    service: str, decision: Decision = "ALLOW", *overridden: Verdict, **fields: Any
) -> GateDecision:
    """Return a decision of NOW: the same for every class, with these verdicts before it."""
    plain = tuple(verdict(decision, change_class) for change_class in CHANGE_CLASSES)
    base = GateDecision(
        service_name=service,
        shard=shard_of(service, PARTITIONS),
        epoch=1,
        decision_id="01JD3Z0Q5K8Y6T4V9W2X7N1M0P",
        decided_at=NOW - timedelta(minutes=5),
        evaluated_at=NOW,
        expires_at=NOW + LIFETIME,
        data_at=NOW - timedelta(seconds=2),
        tier=1,
        risk_level=RiskLevel.SAFE,
        data_status=DataStatus.OK,
        on_unknown="BLOCK",
        policy_name="default",
        policy_hash="0c41a7d9e6b2",
        unblocked_at=None,
        verdicts=(*overridden, *plain),
    )
    return msgspec.structs.replace(base, **fields)


def overriding(override: dict[str, Any], plain: Decision = "BLOCK", **fields: Any) -> GateDecision:
    """Return the decision that the gate makes of an override as the gateway answered it."""
    classes = [override["change_class"]] if override["change_class"] else CHANGE_CLASSES
    verdicts = [
        verdict(
            override["decision"],
            change_class,
            override_id=override["id"],
            version=override["version"],
        )
        for change_class in classes
    ]
    return decided(override["service_name"], plain, *verdicts, **fields)
