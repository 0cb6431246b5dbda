"""What the catalog holds, and the events that tell the others about it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from common.events import ServiceChanged, TargetChanged, TargetSpec
from common.patterns import NAME_IN_WORDS
from common.slo.streams import stream_of
from common.slo.vocabulary import (
    RESERVED_SERVICE_NAMES,
    is_service_name,
)

Tier = Literal[1, 2, 3]


class Service(ServiceChanged, frozen=True, kw_only=True, tag=False):
    """A service as its owner declared it, or as it was discovered."""

    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A stored objective of a service."""

    id: int
    service_name: str
    spec: TargetSpec
    revision: int
    created_at: datetime
    updated_at: datetime
    retired: bool = False

    @property
    def stream(self) -> str:
        """The name of the stream of counts that it is held against."""
        return stream_of(self.service_name, self.spec.indicator)


@dataclass(frozen=True, slots=True)
class ReportedBy:
    """Services by who brought their names, and by when they last reported; None: any.

    `sender` is a credential, as the audit names it.
    """

    source: str | None
    sender: str | None
    unseen_since: datetime | None


@dataclass(frozen=True, slots=True)
class Matching:
    """Services that match, by id and name, and how many more do that have targets of their own."""

    found: list[tuple[int, str]]
    set_up: int


def service_name_fault(name: str) -> str | None:
    """Return why a name cannot be a service's, with the fix; None where it can."""
    if not is_service_name(name):
        return NAME_IN_WORDS
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
    return msgspec.convert(service, ServiceChanged, from_attributes=True)


def target_changed(target: Target) -> TargetChanged:
    """Return the event of the target's present revision."""
    return TargetChanged(
        revision=target.revision,
        id=target.id,
        service_name=target.service_name,
        retired=target.retired,
        **target.spec.with_texts(),
    )


def same_measure(one: TargetSpec, other: TargetSpec) -> bool:
    """Return whether both would always give the same figures, whatever their names."""
    return _measure(one) == _measure(other)


def same_histograms(one: TargetSpec, other: TargetSpec) -> bool:
    """Return whether both read the same of a service's histograms."""
    return (one.indicator, one.threshold_seconds) == (other.indicator, other.threshold_seconds)


def _measure(spec: TargetSpec) -> tuple[object, ...]:
    measured = spec.sli_type, spec.objective, spec.window_days, spec.threshold_seconds
    return *measured, spec.indicator


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
