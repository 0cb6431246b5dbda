"""Services and targets as the catalog holds them, and the command to compute now."""

from decimal import Decimal
from typing import Any, Final, Literal, Self

from msgspec import Struct
from msgspec.structs import asdict

from common.events.fields import IndicatorName, Instant, ServiceName
from common.slo.streams import DEFAULT_INDICATOR
from common.slo.vocabulary import SliType

DEFAULT_TARGET_NAME: Final = "default"
"""Of what is asked of a service without a target of its own."""


class ServiceChanged(Struct, frozen=True, tag_field="type", tag="service_changed"):
    """A service as its owner wants it. The greater `revision` holds."""

    revision: int
    id: int
    name: ServiceName
    tier: Literal[1, 2, 3]
    owner: str
    description: str | None
    retired: bool


class TargetSpec(Struct, frozen=True):
    """What a target asks for, with exact ratios: the one list of its fields.

    A latency target has a threshold. `max_error_ratio` is 1 - objective for error_rate, None for
    the others.
    """

    name: str
    sli_type: SliType
    objective: Decimal
    window_days: int
    threshold_seconds: float | None = None
    max_error_ratio: Decimal | None = None
    min_bad_events: int = 1
    indicator: str = DEFAULT_INDICATOR

    @classmethod
    def default(cls, objective: Decimal, window_days: int) -> Self:
        """Return what is asked of a service that has no target; it is never stored."""
        return cls(DEFAULT_TARGET_NAME, SliType.AVAILABILITY, objective, window_days)

    def with_floats(self) -> dict[str, Any]:
        """Return the fields as results carry them: ratios as floats."""
        return {n: float(v) if isinstance(v, Decimal) else v for n, v in asdict(self).items()}

    def with_texts(self) -> dict[str, Any]:
        """Return the fields as the catalog topic carries them: ratios as decimal texts."""
        return {n: f"{v:f}" if isinstance(v, Decimal) else v for n, v in asdict(self).items()}


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
    indicator: IndicatorName = DEFAULT_INDICATOR


class ComputeRequested(Struct, frozen=True, tag_field="type", tag="compute_requested"):
    """Evaluate and publish now, for one service or (None) for all."""

    command_id: str
    service_name: str | None
    requested_at: Instant
