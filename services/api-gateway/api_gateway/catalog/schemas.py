"""The catalog over HTTP: what a request may say, what an answer says."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api_gateway.catalog.domain import ReportedBy, Target, Tier, service_name_fault
from api_gateway.http.types import NUMBER, WHOLE, Answer, Id, Instant, Reasoned, Request, Text
from common.access.principal import BOOTSTRAP
from common.patterns import NAME_IN_WORDS
from common.slo.streams import DEFAULT_INDICATOR
from common.slo.vocabulary import (
    LONGEST_WINDOW_DAYS,
    RESERVED_SERVICE_NAMES,
    SERVICE_NAME_PATTERN,
    WINDOW_DAYS,
    SliType,
    is_service_name,
)
from common.slo.wording import implausible

COUNT_LIMIT = 10**9
MOST_PURGED = 1_000
"""Services that one request retires: whoever asks for more asks again."""
SHORTEST_THRESHOLD_SECONDS = Decimal("0.000001")  # what is far smaller would be 0 as a float
LONGEST_THRESHOLD_SECONDS = 3600


def _service_name(value: str) -> str:
    if fault := service_name_fault(value):
        raise PydanticCustomError("invalid_service_name", "{fault}", {"fault": fault})
    return value


def _indicator_name(value: str) -> str:
    if not is_service_name(value):
        raise PydanticCustomError("invalid_indicator", "{detail}", {"detail": NAME_IN_WORDS})
    return value


def _window_days(value: int) -> int:
    if value not in WINDOW_DAYS:
        known = ", ".join(str(days) for days in WINDOW_DAYS)
        raise PydanticCustomError("invalid_window", "must be one of {known}", {"known": known})
    return value


NAME_SCHEMA = {
    "type": "string",
    "pattern": SERVICE_NAME_PATTERN,
    "not": {"enum": sorted(RESERVED_SERVICE_NAMES)},
    "examples": ["checkout"],
}
ServiceName = Annotated[str, AfterValidator(_service_name), WithJsonSchema(NAME_SCHEMA)]
IndicatorName = Annotated[
    str,
    AfterValidator(_indicator_name),
    WithJsonSchema({"type": "string", "pattern": SERVICE_NAME_PATTERN}),
]
INDICATOR = "Which of the service's indicators it is held against, as its events name it"
TierNumber = Annotated[Tier, WHOLE]
WindowDays = Annotated[
    int,
    AfterValidator(_window_days),
    WHOLE,
    WithJsonSchema({"type": "integer", "enum": list(WINDOW_DAYS)}),
]
EventCount = Annotated[int, Field(ge=0, le=COUNT_LIMIT), WHOLE]
MIN_BAD_EVENTS = "Bad events in 24 h below which the risk level is at most OBSERVE"
TargetName = Annotated[Text, Field(min_length=1, max_length=128)]
Objective = Annotated[
    Decimal,
    NUMBER,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100}),
]
ErrorRatio = Annotated[
    Decimal,
    NUMBER,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
Seconds = Annotated[
    Decimal,
    Field(ge=SHORTEST_THRESHOLD_SECONDS, le=LONGEST_THRESHOLD_SECONDS),
    NUMBER,
    WithJsonSchema(
        {
            "type": "number",
            "minimum": float(SHORTEST_THRESHOLD_SECONDS),
            "maximum": LONGEST_THRESHOLD_SECONDS,
        }
    ),
]


Hours = Annotated[
    Decimal,
    Field(ge=0, le=24 * LONGEST_WINDOW_DAYS),
    NUMBER,
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 24 * LONGEST_WINDOW_DAYS}),
]


class ServiceWording(Request):
    """What an owner says of a service."""

    tier: TierNumber = Field(description="1 critical, 2 important, 3 standard")
    owner: Text = Field(max_length=128, examples=["payments"])
    description: Text | None = Field(None, max_length=2000)


class NewService(Reasoned, ServiceWording):
    """A service to be created."""

    name: ServiceName


class ServiceUpdate(Reasoned, ServiceWording):
    """A service's wording in full: a description that is left out is emptied."""

    name: str | None = Field(None, description="If given, the name in the path")


class Purge(Reasoned):
    """Which services are to be retired: those that match all that is given."""

    source: Text | None = Field(
        None, max_length=256, description="The `source` of their first event", examples=["shop"]
    )
    key: Text | None = Field(
        None,
        max_length=256,
        description="The key that brought their names: its id, or as the audit names a credential",
        examples=["4f1d09c2ab37"],
    )
    unseen_for_hours: Hours | None = Field(None, description="No event is newer than that")
    dry_run: bool = Field(default=True, description="Only say what would be retired")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.source is None and self.key is None and self.unseen_for_hours is None:
            raise PydanticCustomError(
                "too_general", "say which: `source`, `key` or `unseen_for_hours`, or several"
            )
        return self

    def reported_by(self, now: datetime) -> ReportedBy:
        """Return which services are meant."""
        named = self.key is None or "/" in self.key or self.key == BOOTSTRAP
        hours = self.unseen_for_hours
        return ReportedBy(
            self.source,
            self.key if named else f"key/{self.key}",
            None if hours is None else now - timedelta(hours=float(hours)),
        )


class PurgeAnswer(Answer):
    """What was retired, or would be."""

    matched: int = Field(description="Services that match and have no SLO targets")
    set_up: int = Field(description="Services that match and stay, since they have SLO targets")
    retired: int = Field(description=f"At most {MOST_PURGED} at once; ask again for the rest")
    names: list[str] = Field(description="The first of them, by name")


class TargetWording(Reasoned):
    """What new targets and changes have in common."""

    service_name: str | None = Field(None, description="If given, the target's service")
    objective: Objective | None = Field(
        None,
        description="0 < x < 1, or a percentage: 50 < x < 100, so that 99.9 is read as 0.999",
        examples=[0.999],
    )
    max_error_ratio: ErrorRatio | None = Field(
        None, description="error_rate only: the share of bad events allowed, 1 - objective"
    )
    threshold_seconds: Seconds | None = Field(
        None, description="latency only, and required there: a bound of the service's histograms"
    )


class NewTarget(TargetWording):
    """A target to be created."""

    name: TargetName
    sli_type: SliType
    window_days: WindowDays = 30
    min_bad_events: EventCount = Field(1, description=MIN_BAD_EVENTS)
    indicator: IndicatorName = Field(DEFAULT_INDICATOR, description=INDICATOR)


class TargetUpdate(TargetWording):
    """Changes of a target; a field that is left out keeps its value."""

    id: Id | None = Field(None, description="If given, the id in the path")
    name: TargetName | None = None
    sli_type: SliType | None = None
    window_days: WindowDays | None = None
    min_bad_events: EventCount | None = Field(None, description=MIN_BAD_EVENTS)
    indicator: IndicatorName | None = Field(None, description=INDICATOR)
    warning: Text | None = Field(
        None, description="Of an answer that is sent back; it says nothing"
    )


class ComputeRequest(Request):
    """Which services to compute: one, or all."""

    service_name: str | None = Field(None, description="Without it every service is computed")


class ServiceAnswer(Answer):
    """A service."""

    id: int
    name: str
    tier: Tier
    owner: str
    description: str | None
    created_at: Instant
    updated_at: Instant
    revision: int


class TargetFields(Answer):
    """What a target asks for. `objective` is a ratio; `max_error_ratio` is for error_rate."""

    name: str
    sli_type: SliType
    objective: float
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: float | None
    min_bad_events: int
    indicator: str = Field(description=INDICATOR)


class _TargetIdentity(Answer):
    id: int
    service_name: str


class TargetAnswer(TargetFields, _TargetIdentity):
    """An SLO target. `objective` is a ratio; `max_error_ratio` is 1 - objective, for error_rate."""

    revision: int
    created_at: Instant
    updated_at: Instant
    warning: str | None = Field(
        description="What hardly anybody means: that more requests may fail than must succeed",
        examples=["999 of 1,000 requests may fail"],
    )

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return the answer for a target."""
        return cls(
            id=target.id,
            service_name=target.service_name,
            revision=target.revision,
            created_at=target.created_at,
            updated_at=target.updated_at,
            warning=implausible(target.spec.objective),
            **target.spec.with_floats(),
        )
