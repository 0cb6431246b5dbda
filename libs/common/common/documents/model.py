"""The documents of `apiVersion: burnline/v1`: what the product can be described by. Pure."""

from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)

from common.documents import promql
from common.documents.fields import LABEL_KEY, LABEL_VALUE, MAX_LABELS, MAX_TEXT
from common.documents.outcome import RefusedError
from common.patterns import NAME

API_VERSION: Final = "burnline/v1"
SHORTEST_HOURS: Final = 24
LONGEST_HOURS: Final = 92 * 24
_MAX_TERMS: Final = 50


def _selector(text: str) -> str:
    return promql.selector_text(_checked(promql.selector, text))


def _query(text: str) -> str:
    _checked(promql.parse, text)
    return text


def _checked(check: Any, text: str) -> Any:
    try:
        return check(text, "")
    except RefusedError as error:
        raise ValueError(error.reason) from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # read from the machine's files


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("must be a zone of the IANA database, such as Europe/Berlin")
    return name


def _plain(value: Any) -> Any:
    """Return a decimal in its shortest form, so that a document has one writing."""
    return value.normalize() if isinstance(value, Decimal) and value.is_finite() else value


def _whole_number(value: Any) -> Any:
    """Return the number that a text of the reader says."""
    return int(value) if isinstance(value, str) and value in {"60", "300"} else value


Name = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Selector = Annotated[str, Field(max_length=promql.MAX_QUERY), AfterValidator(_selector)]
Query = Annotated[str, Field(max_length=promql.MAX_QUERY), AfterValidator(_query)]
Number = Annotated[Decimal, Field(max_digits=30), BeforeValidator(_plain), AfterValidator(_plain)]
Ratio = Annotated[Number, Field(gt=0, lt=1)]
Label = Annotated[str, Field(pattern=LABEL_KEY)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE)]
Op = Literal["lt", "lte", "gt", "gte"]


class Model(BaseModel):
    """A part of a document; fields that it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Metadata(Model):
    """What an object is called."""

    name: Name
    display_name: Text = ""
    labels: Annotated[dict[Label, LabelValue], Field(max_length=MAX_LABELS)] = {}
    annotations: Annotated[dict[str, Text], Field(max_length=200)] = {}


class OwnedMetadata(Metadata):
    """What an object is called, and the service that it belongs to."""

    service: Name


class Term(Model):
    """A counter, and what each of its counts is multiplied by."""

    selector: Selector
    factor: Number = Decimal(1)


Terms = Annotated[tuple[Term, ...], Field(min_length=1, max_length=_MAX_TERMS)]


class Counters(Model):
    """Counters of all events, and of the bad or the good ones."""

    total: Terms
    bad: Terms | None = None
    good: Terms | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.bad is None) == (self.good is None):
            raise ValueError("needs either bad or good beside total")
        return self


class Histogram(Model):
    """A classic histogram: events in the bucket `le` are good; `unit` is that of the bounds."""

    total: Selector
    buckets: Selector
    le: Annotated[Number, Field(gt=0)]
    unit: Literal["seconds", "milliseconds", "other"]


class NativeHistogram(Model):
    """A native histogram: events up to the threshold are good."""

    selector: Selector
    threshold_seconds: Annotated[Number, Field(gt=0)]


class Gauge(Model):
    """A gauge whose slice is good while the value is within the threshold."""

    selector: Selector
    op: Op
    threshold: Number


class Queries(Model):
    """Queries that are evaluated at the end of each slice, for that slice."""

    bad: Query | None = None
    good: Query | None = None
    total: Query | None = None
    bad_ratio: Query | None = None
    good_ratio: Query | None = None
    value: Query | None = None
    op: Op | None = None
    threshold: Number | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = {name for name, value in self if value is not None}
        forms: list[set[str]] = [
            {"bad", "total"}, {"good", "total"}, {"bad_ratio"}, {"good_ratio"},
            {"value", "op", "threshold"},
        ]  # fmt: skip
        if given not in forms:
            raise ValueError(
                "needs total with bad or good, or bad_ratio, good_ratio, or value, op and threshold"
            )
        return self


class SourceDefinition(Model):
    """Which telemetry an indicator is made of: exactly one of the forms."""

    counters: Counters | None = None
    histogram: Histogram | None = None
    native_histogram: NativeHistogram | None = None
    gauge: Gauge | None = None
    queries: Queries | None = None
    group_by: Annotated[tuple[str, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if sum(value is not None for name, value in self if name != "group_by") != 1:
            raise ValueError(
                "needs exactly one of counters, histogram, native_histogram, gauge, queries"
            )
        return self

    @property
    def needs_slices(self) -> bool:
        """Whether it gives no counts, so that only time slices can be promised."""
        return self.gauge is not None or self.queries is not None


class Condition(Model):
    """When who sends the counts calls an event good."""

    op: Op
    value: Number


class ServiceSpec(Model):
    """What a service is."""

    description: Text = ""


class IndicatorSpec(Model):
    """What is counted; without a source the counts are sent as events."""

    description: Text = ""
    source: SourceDefinition | None = None
    good_when: Condition | None = None


class Window(Model):
    """The time that the budget is for: rolling hours, or periods of the calendar in a zone."""

    rolling_hours: Annotated[int, Field(ge=SHORTEST_HOURS, le=LONGEST_HOURS)] | None = None
    calendar: Literal["week", "month", "quarter"] | None = None
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.rolling_hours is None) == (self.calendar is None):
            raise ValueError("needs either rolling_hours or calendar")
        if (self.calendar is None) != (self.time_zone is None):
            raise ValueError("time_zone belongs to calendar, which needs it")
        return self


class Budgeting(Model):
    """What spends the budget: events, bad slices, or the shortfall of each slice."""

    method: Literal["occurrences", "timeslices", "ratio_timeslices"] = "occurrences"
    slice_seconds: Annotated[Literal[60, 300], BeforeValidator(_whole_number)] | None = None
    slice_target: Annotated[Number, Field(gt=0, le=1)] | None = None
    when_missing: Literal["gap", "good", "bad"] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        sliced = self.method != "occurrences"
        if sliced != (self.slice_seconds is not None):
            raise ValueError("slice_seconds belongs to time slices, which need it")
        if not sliced and (self.slice_target is not None or self.when_missing is not None):
            raise ValueError("slice_target and when_missing belong to time slices")
        if self.method == "ratio_timeslices" and self.slice_target is not None:
            raise ValueError("slice_target belongs to timeslices only")
        return self


class SloSpec(Model):
    """What is promised of an indicator."""

    description: Text = ""
    indicator: Name
    objective: Ratio
    window: Window
    budgeting: Budgeting = Budgeting()


class Object(Model):
    """What every document says first."""

    api_version: Literal["burnline/v1"] = Field(API_VERSION, alias="apiVersion")


class Service(Object):
    """A service."""

    kind: Literal["Service"] = "Service"
    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


class Indicator(Object):
    """An indicator of a service."""

    kind: Literal["Indicator"] = "Indicator"
    metadata: OwnedMetadata
    spec: IndicatorSpec = IndicatorSpec()


class SLO(Object):
    """A service level objective."""

    kind: Literal["SLO"] = "SLO"
    metadata: OwnedMetadata
    spec: SloSpec


Document = Service | Indicator | SLO
KINDS: Final[dict[str, type[Service | Indicator | SLO]]] = {
    "Service": Service, "Indicator": Indicator, "SLO": SLO,
}  # fmt: skip
ANY_DOCUMENT: Final[TypeAdapter[Document]] = TypeAdapter(
    Annotated[Document, Field(discriminator="kind")]
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a document, for editors and for who writes documents."""
    return ANY_DOCUMENT.json_schema(by_alias=True)


def identity(document: Document) -> tuple[str, str, str]:
    """Return (kind, service, name), of which there is one in a set of documents."""
    service = "" if isinstance(document, Service) else document.metadata.service
    return document.kind, service, document.metadata.name


def as_data(document: Document) -> dict[str, Any]:
    """Return a document as data with decimals, without what is left at its default."""
    data = document.model_dump(by_alias=True, exclude_defaults=True)
    head = {"apiVersion": API_VERSION, "kind": document.kind}
    return head | {key: data[key] for key in ("metadata", "spec") if key in data}
