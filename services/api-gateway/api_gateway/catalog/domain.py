"""What the catalog holds, and the events that tell the others about it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from common.events import ServiceChanged, TargetChanged
from common.slo.vocabulary import (
    RESERVED_SERVICE_NAMES,
    SERVICE_NAME_PATTERN,
    SliType,
    is_service_name,
)

Tier = Literal[1, 2, 3]


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its owner declared it, or as it was discovered."""

    id: int
    name: str
    tier: Tier
    owner: str
    description: str | None
    revision: int
    created_at: datetime
    updated_at: datetime
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """What a target asks for. `objective` is a ratio, exact; a latency one has a threshold.

    `max_error_ratio` is 1 - objective for error_rate, None for the others.
    """

    name: str
    sli_type: SliType
    objective: Decimal
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: Decimal | None
    min_bad_events: int

    def same_measure(self, other: "Definition") -> bool:
        """Tell whether both would always give the same figures, whatever their names."""
        mine = (self.sli_type, self.objective, self.window_days, self.threshold_seconds)
        return mine == (
            other.sli_type,
            other.objective,
            other.window_days,
            other.threshold_seconds,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A stored objective of a service."""

    id: int
    service_name: str
    definition: Definition
    revision: int
    created_at: datetime
    updated_at: datetime
    retired: bool = False


def default_definition(objective: Decimal, window_days: int) -> Definition:
    """Return the virtual target of a service that has none; it is shown, never stored."""
    return Definition("default", SliType.AVAILABILITY, objective, window_days, None, None, 1)


def service_name_fault(name: str) -> str | None:
    """Return why a name cannot be a service's, with the fix; None where it can."""
    if not is_service_name(name):
        return (
            f"must match {SERVICE_NAME_PATTERN}: lower-case letters, digits, dots, dashes and "
            "underscores, beginning with a letter or digit, at most 63 characters"
        )
    if name in RESERVED_SERVICE_NAMES:
        words = ", ".join(sorted(RESERVED_SERVICE_NAMES))
        return f"is a reserved word ({words} stand in paths); choose another name"
    return None


def service_key(name: str) -> str:
    """Return the catalog topic's key of a service, the same for all that ever had the name."""
    return f"service/{name}"


def target_key(target_id: int) -> str:
    """Return the catalog topic's key of a target."""
    return f"target/{target_id}"


def service_changed(service: Service) -> ServiceChanged:
    """Return the event of the service's present revision."""
    return ServiceChanged(
        revision=service.revision,
        id=service.id,
        name=service.name,
        tier=service.tier,
        owner=service.owner,
        description=service.description,
        retired=service.retired,
    )


def target_changed(target: Target) -> TargetChanged:
    """Return the event of the target's present revision."""
    wanted = target.definition
    allowed = wanted.max_error_ratio
    return TargetChanged(
        revision=target.revision,
        id=target.id,
        service_name=target.service_name,
        name=wanted.name,
        sli_type=wanted.sli_type,
        objective=f"{wanted.objective:f}",
        window_days=wanted.window_days,
        threshold_seconds=wanted.threshold_seconds,
        max_error_ratio=None if allowed is None else f"{allowed:f}",
        min_bad_events=wanted.min_bad_events,
        retired=target.retired,
    )


def nearest_bounds(
    threshold_seconds: float, known: list[tuple[float, ...]]
) -> tuple[float, ...] | None:
    """Return the bounds next below and above a latency threshold; None where it can be measured.

    `known` are the bucket bounds that the service has sent, in seconds; with none of them
    nothing can be said against a threshold.
    """
    bounds = sorted({bound for group in known for bound in group})
    if not bounds or threshold_seconds in bounds:
        return None
    below = [bound for bound in bounds if bound < threshold_seconds][-1:]
    above = [bound for bound in bounds if bound > threshold_seconds][:1]
    return (*below, *above)
