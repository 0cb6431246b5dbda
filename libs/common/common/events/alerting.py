"""Alerts as they stand, and what users want of them: rules, silences, channels, answers."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from common.alerting.rules import AlertState, HeldBy, Severity
from common.alerting.silences import Matcher
from common.events.fields import Instant, ServiceName


class AlertChanged(Struct, frozen=True, tag_field="type", tag="alert_changed"):
    """An alert as it stands: one episode of one rule on one service.

    `version` rises with each transition; the greater (version, updated_at) holds. `held_by` is
    why nobody is notified now, `held_back` how often somebody would have been.
    """

    id: int
    service_name: ServiceName
    shard: int
    rule: str
    severity: Severity
    state: AlertState
    version: int
    message: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: Instant
    updated_at: Instant
    resolved_at: Instant | None
    acknowledged_by: str | None
    acknowledged_at: Instant | None
    held_by: HeldBy | None
    held_back: int
    notices: int


class RuleChanged(Struct, frozen=True, tag_field="type", tag="rule_changed"):
    """An alert rule as its owner wants it; one that is retired gives way to the default.

    The greater `revision` holds, here and in what follows.
    """

    revision: int
    name: str
    document: Annotated[dict[str, Any], Meta(description="The rule's whole text as data")]
    retired: bool


class SilenceChanged(Struct, frozen=True, tag_field="type", tag="silence_changed"):
    """A silence as it stands: what matches notifies nobody from `starts_at` until `ends_at`."""

    revision: int
    id: int
    matchers: tuple[Matcher, ...]
    starts_at: Instant
    ends_at: Instant
    created_by: str
    comment: str


class ChannelChanged(Struct, frozen=True, tag_field="type", tag="channel_changed"):
    """A channel as it stands; its secrets are not part of the event."""

    revision: int
    id: int
    name: str
    kind: str
    enabled: bool
    retired: bool


class AlertAcknowledged(Struct, frozen=True, tag_field="type", tag="alert_acknowledged"):
    """Somebody has acknowledged an episode, as it was at `version`."""

    revision: int
    episode_id: int
    service_name: ServiceName
    version: int
    actor: str
    comment: str
    acknowledged_at: Instant


class ChannelTestRequested(Struct, frozen=True, tag_field="type", tag="channel_test_requested"):
    """Tell a channel something harmless, now, to see whether it works."""

    command_id: str
    channel: str
    actor: str
    requested_at: Instant
