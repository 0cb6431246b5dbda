"""Alerts, silences and notifications over HTTP: what a request may say, what an answer says."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api_gateway.alerts.domain import Silence, SilenceState
from api_gateway.http.types import (
    LINE_PATTERN,
    TEXT_PATTERN,
    WHOLE,
    Actor,
    Answer,
    Instant,
    Line,
    Request,
)
from common.alerting.rules import AlertState, HeldBy, Severity
from common.alerting.silences import LABELS, MAX_MATCHERS, Matcher

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


class AlertAnswer(Answer):
    """An alert: one episode of one rule on one service."""

    id: int
    service_name: str
    rule: str
    severity: Severity
    state: AlertState
    version: int = Field(description="Rises with each transition")
    message: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: Instant
    updated_at: Instant
    resolved_at: Instant | None
    acknowledged_by: str | None
    acknowledged_at: Instant | None
    held_by: HeldBy | None = Field(description="Why notifications are suppressed")
    held_back: int = Field(description="How many notifications were suppressed")
    notices: int = Field(description="How many notifications said that it fires")
    channels: list[str] = Field(description="Where notifications of it went")


class HistoryLineAnswer(Answer):
    """A transition of an alert: what, when, who and why."""

    kind: str
    version: int
    at: Instant
    actor: str
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

    name: Literal["alertname", "service", "severity", "tier", "team"]
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
    created_by: Line
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
    created_by: str
    comment: str
    created_at: Instant
    expired_by: str | None

    @classmethod
    def of(cls, silence: Silence, now: datetime) -> Self:
        """Return the answer for a silence at `now`."""
        return cls.model_validate({**asdict(silence), "state": silence.state(now)})
