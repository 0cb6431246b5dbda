"""What users want: services, objectives, and a computation now."""

from typing import Literal

from msgspec import Struct

from common.events.fields import Instant, ServiceName
from common.slo.vocabulary import SliType


class ServiceChanged(Struct, frozen=True, tag_field="type", tag="service_changed"):
    """A service as its owner wants it. The greater `revision` holds."""

    revision: int
    id: int
    name: ServiceName
    tier: Literal[1, 2, 3]
    owner: str
    description: str | None
    retired: bool


class TargetChanged(Struct, frozen=True, tag_field="type", tag="target_changed"):
    """An objective as its owner wants it. `objective` is a ratio written as a decimal string."""

    revision: int
    id: int
    service_name: ServiceName
    name: str
    sli_type: SliType
    objective: str
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: str | None
    min_bad_events: int
    retired: bool


class ComputeRequested(Struct, frozen=True, tag_field="type", tag="compute_requested"):
    """Evaluate and publish now, for one service or (None) for all."""

    command_id: str
    service_name: str | None
    requested_at: Instant
