"""Alerts, silences, notifications, rules and channels over HTTP."""

from datetime import UTC, datetime, timedelta
from inspect import cleandoc
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec.structs import asdict
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from api_gateway.alerts.domain import Alert, Channel, Silence, SilenceState
from api_gateway.alerts.rules import ShownRule, Source
from api_gateway.alerts.silences import Silenceable
from api_gateway.http.types import (
    BY,
    LINE_PATTERN,
    TEXT_PATTERN,
    WHOLE,
    Actor,
    Answer,
    IfGood,
    Instant,
    Name,
    Request,
    Statement,
    revision_of,
)
from common.alerting.channels import CHANNEL_KINDS, MAX_VALUE_LENGTH, SIMULATED, shown_address
from common.alerting.rules import AlertState, HeldBy, Rule, Severity, rule_document
from common.alerting.silences import LABELS, MAX_MATCHERS, Matcher
from common.events import AlertFigures
from common.schema_docs.event_schemas import in_json_schema
from common.slo.vocabulary import SERVICE_NAME_PATTERN, DataStatus, RiskLevel

MAX_COMMENT_LENGTH = 1000
MAX_MINUTES = 366 * 1440

Comment = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_COMMENT_LENGTH, pattern=TEXT_PATTERN),
]
LabelValue = Annotated[str, StringConstraints(max_length=256, pattern=LINE_PATTERN)]


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise PydanticCustomError("timezone", "must have an offset, such as Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "must be in the years 1 to 9999 of UTC") from None


def _written(at: object) -> object:
    """Let texts pass: a number would be read as seconds since 1970."""
    if not isinstance(at, str) or at[4:5] != "-":
        raise PydanticCustomError("rfc_3339", "must be RFC 3339, as 2026-11-23T06:40:00Z")
    return at


AwareInstant = Annotated[datetime, AfterValidator(_in_utc), BeforeValidator(_written)]


class AcknowledgeRequest(Actor):
    """Who acknowledges an alert; `version` makes sure that it is still what they saw."""

    comment: Comment = Field("", examples=["rolling back 1.42.0"])
    version: Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE] | None = None


class AlertFiguresAnswer(Answer):
    """The figures of an alert's objective at one instant, or of its service's worst one."""

    evaluated_at: Instant
    data_status: DataStatus
    risk_level: RiskLevel
    burn_rate_5m: float
    burn_rate_1h: float
    burn_rate_24h: float
    composite_burn_rate: float
    error_budget_remaining: float
    snapshot_id: str | None = Field(description="The snapshot that has them")
    composite_burn_rate_least: IfGood
    error_budget_remaining_most: IfGood


class AlertAnswer(Answer):
    """An alert: one episode of one rule on one objective, or on a whole service."""

    id: int
    service_name: str
    rule: str
    slo: str | None = Field(description="The objective; null: it is about the whole service")
    severity: Severity
    state: AlertState
    version: int = Field(description="Rises with each transition")
    message: str = Field(
        description="By the figures of the moment it was last sent, `figures_at` of the annotations"
    )
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: Instant
    updated_at: Instant
    resolved_at: Instant | None
    acknowledged_by: str | None = Field(description=BY, examples=["key/ana"])
    acknowledged_on_behalf_of: str | None = Field(description="The name in the request")
    acknowledged_at: Instant | None
    held_by: HeldBy | None = Field(description="Why notifications are suppressed")
    held_back: int = Field(description="How many notifications were suppressed")
    notices: int = Field(description="How many notifications said that it fires")
    channels: list[str] = Field(description="Where notifications of it went")
    figures_at_firing: AlertFiguresAnswer | None
    figures_now: AlertFiguresAnswer | None = Field(description="Null once it has ended")

    @classmethod
    def of(cls, alert: Alert, figures_now: AlertFigures | None) -> Self:
        """Return the answer for an alert."""
        return cls.model_validate({**asdict(alert), "figures_now": figures_now})


class HistoryLineAnswer(Answer):
    """A transition of an alert: what, when, who and why."""

    kind: str
    version: int
    at: Instant
    actor: str = Field(description=f"{BY}; `burnline` where nobody acted")
    on_behalf_of: str | None
    reason: str


class NotificationAnswer(Answer):
    """A delivery to one channel, and how it went; `dead` ones are not tried again."""

    id: int
    channel: str
    group_key: str
    state: Literal["pending", "sent", "dead"]
    attempts: int
    last_error: str | None
    created_at: Instant
    next_attempt_at: Instant
    sent_at: Instant | None
    alerts: list[dict[str, Any]]


class AlertHistoryAnswer(Answer):
    """All that is known of an alert."""

    alert: AlertAnswer
    transitions: list[HistoryLineAnswer]
    notifications: list[NotificationAnswer]


class MatcherRequest(Request):
    """One condition on a label, as Alertmanager has it, with globs for patterns."""

    name: Literal["alertname", "service", "severity", "tier", "team", "slo"]
    value: LabelValue
    is_glob: bool = Field(default=False, description="`*` and `?` stand for any characters")
    is_equal: bool = True

    def matcher(self) -> Matcher:
        """Return the matcher."""
        return Matcher(self.name, self.value, self.is_glob, self.is_equal)


class SilenceRequest(Request):
    """Of which alerts notifications are suppressed, until when, and why."""

    matchers: list[MatcherRequest] = Field(min_length=1, max_length=MAX_MATCHERS)
    starts_at: AwareInstant | None = Field(None, description="Left out: now")
    ends_at: AwareInstant | None = None
    duration_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES), WHOLE] | None = Field(
        None, description="Instead of `ends_at`"
    )
    created_by: Name
    comment: Annotated[Comment, StringConstraints(min_length=1)]

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if (self.ends_at is None) == (self.duration_minutes is None):
            raise PydanticCustomError("one_end", "must have either `ends_at` or `duration_minutes`")
        return self

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Return from when to when."""
        starts_at = self.starts_at or now
        minutes = timedelta(minutes=self.duration_minutes or 0)
        try:
            return starts_at, self.ends_at or starts_at + minutes
        except OverflowError:
            return starts_at, starts_at


class MatcherAnswer(Answer):
    """One condition on a label."""

    name: str = Field(examples=list(LABELS))
    value: str
    is_glob: bool
    is_equal: bool


class SilenceAnswer(Answer):
    """A silence as it stands."""

    id: int
    state: SilenceState
    matchers: list[MatcherAnswer]
    starts_at: Instant
    ends_at: Instant
    created_by: str = Field(description=BY, examples=["key/ana"])
    on_behalf_of: str | None = Field(description="The name in the request")
    comment: str
    created_at: Instant
    expired_by: str | None
    expired_on_behalf_of: str | None
    matching_alerts: int | None = Field(
        description="Open alerts that match; null once it has ended"
    )
    matching_services: int | None = Field(
        description="Services on which an alert could match; null once it has ended"
    )
    warning: str | None = Field(description="Where it matches nothing: that it does")

    @classmethod
    def of(cls, silence: Silence, now: datetime, silenceable: Silenceable) -> Self:
        """Return the answer for a silence at `now`."""
        state = silence.state(now)
        scope = None if state == "expired" else silenceable.scope(silence.matchers)
        return cls.model_validate(
            {
                **asdict(silence),
                "state": state,
                "matching_alerts": scope and scope.alerts,
                "matching_services": scope and scope.services,
                "warning": scope and scope.warning,
            }
        )


EXAMPLE = {
    "name": "budget-half",
    "kind": "budget_left",
    "levels": [{"severity": "ticket", "at_most_ratio": 0.5}],
    "tiers": [1],
}
SecretValue = Annotated[str, StringConstraints(max_length=MAX_VALUE_LENGTH)]
Secrets = Annotated[dict[str, SecretValue], Field(max_length=8)]


class RuleDocument(RootModel[dict[str, Any]]):
    """A rule as data, as in `rules.yaml`; `read_rule` refuses what it cannot be."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the document by the rule's own fields."""
        reference = handler(core_schema)
        own = handler.resolve_ref_schema(reference)
        own.clear()
        own.update(_rule_schema(), title=cls.__name__, description=cleandoc(Rule.__doc__ or ""))
        return reference


def _rule_schema() -> dict[str, Any]:
    """Return the JSON schema of a rule, with that of its levels in it."""
    _, found = msgspec.json.schema_components([Rule])
    rule: dict[str, Any] = in_json_schema(found["Rule"])
    level = found["Level"]
    for name, field in level["properties"].items():
        field.pop("default", None)  # what a level does not have is left out, not null
        level["properties"][name] = _without_references(field, found)
    rule["properties"]["levels"]["items"] = level
    return rule


def _without_references(schema: Any, found: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_without_references(part, found) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return found[schema["$ref"].rpartition("/")[2]]
    return {name: _without_references(part, found) for name, part in schema.items()}


class NewRule(Statement):
    """A rule to be added."""

    rule: RuleDocument = Field(
        description="As in `rules.yaml`; what is left out is as documented", examples=[EXAMPLE]
    )


class RuleChanges(Statement):
    """Fields of a rule that are to be others; those that are left out stay."""

    changes: dict[str, Any] = Field(
        examples=[{"enabled": False}, {"except_services": ["reports"]}, {"tiers": [1, 2]}]
    )


class RuleAnswer(Answer):
    """A rule in force. A default one has no revision and no times."""

    name: str
    source: Source = Field(description="`changed`: it takes the place of a default one")
    rule: RuleDocument = Field(description="With every field")
    revision: int | None
    created_at: Instant | None
    updated_at: Instant | None

    @classmethod
    def of(cls, shown: ShownRule) -> Self:
        """Return the answer for a rule."""
        return cls(
            name=shown.rule.name,
            source=shown.source,
            rule=RuleDocument(rule_document(shown.rule)),
            **revision_of(shown.stored),
        )


class NewChannel(Actor):
    """A channel to be created. Its `secrets` are never shown again."""

    name: str = Field(
        max_length=63, examples=["on-call"], json_schema_extra={"pattern": SERVICE_NAME_PATTERN}
    )
    kind: str = Field(json_schema_extra={"enum": [*sorted(CHANNEL_KINDS)]})
    secrets: Secrets = Field(
        default_factory=dict,
        description="`url` and `signing_secret` (webhook), `url` (alertmanager, slack, apprise), "
        "`routing_key` and `url` (pagerduty)",
        examples=[{"url": "https://alerts.example.com/hook"}],
    )


class ChannelChange(Actor):
    """Changes of a channel; secrets are replaced all at once."""

    secrets: Secrets | None = None
    enabled: StrictBool | None = None


class ChannelAnswer(Answer):
    """A channel, without its secrets."""

    id: int
    name: str
    kind: str
    enabled: bool
    built_in: bool
    address: str | None = Field(description="Scheme and host of the address")
    has_secrets: list[str] = Field(description="Names of the secrets that it has")
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, channel: Channel) -> Self:
        """Return the answer for a channel."""
        return cls.model_validate(
            {
                **asdict(channel),
                "built_in": channel.name == SIMULATED,
                "address": shown_address(channel.secrets),
                "has_secrets": sorted(channel.secrets),
            }
        )
