"""What the audit is told of services and targets. Pure but for whose request it is."""

from datetime import datetime

from api_gateway.catalog.domain import Service, Target, service_key, target_key
from common.access.principal import current_actor
from common.storage.audit import AuditEvent


def service_audit_event(action: str, service: Service, now: datetime) -> AuditEvent:
    """Return what was done to a service, by whose key."""
    details = {"tier": service.tier, "owner": service.owner, "description": service.description}
    return AuditEvent(
        now, current_actor(), action, service_key(service.name), service.name, details
    )


def target_audit_event(action: str, target: Target, now: datetime) -> AuditEvent:
    """Return what was done to a target, by whose key; decimals are told as text, exactly."""
    is_ = target.definition
    details = {
        "name": is_.name,
        "sli_type": is_.sli_type.value,
        "objective": str(is_.objective),
        "window_days": is_.window_days,
        "threshold_seconds": is_.threshold_seconds,
        "max_error_ratio": None if is_.max_error_ratio is None else str(is_.max_error_ratio),
        "min_bad_events": is_.min_bad_events,
    }
    return AuditEvent(
        now, current_actor(), action, target_key(target.id), target.service_name, details
    )
