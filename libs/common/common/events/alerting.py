"""Alerts as they stand, and what users want of them: rules, silences, channels, answers."""

from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from common.alerting.rules import AlertState, HeldBy, Severity
from common.alerting.silences import Matcher
from common.events.burnrate import BurnRateSnapshot
from common.events.fields import BurnRate, Instant, Ratio, ServiceName
from common.slo.vocabulary import DataStatus, RiskLevel


class AlertFigures(Struct, frozen=True):
    """The figures of an objective at one instant, or of its service's worst one.

    `_least` and `_most` are what they would be if nothing uncertain was bad, None where nothing is.
    """

    evaluated_at: Instant
    data_status: DataStatus
    risk_level: RiskLevel
    burn_rate_5m: BurnRate
    burn_rate_1h: BurnRate
    burn_rate_24h: BurnRate
    composite_burn_rate: BurnRate
    error_budget_remaining: Ratio
    composite_burn_rate_least: BurnRate | None = None
    error_budget_remaining_most: Ratio | None = None
    snapshot_id: str | None = None

    @classmethod
    def of(cls, snapshot: BurnRateSnapshot, slo_name: str | None) -> Self | None:
        """Return those of an objective, of the service for None; None where there is no such."""
        found = (slo for slo in snapshot.slos if slo.name == slo_name)
        of = snapshot if slo_name is None else next(found, None)
        if of is None:
            return None
        own = {name: getattr(of, name) for name in cls.__struct_fields__[1:-1]}
        return cls(snapshot.evaluated_at, **own, snapshot_id=snapshot.snapshot_id)


class AlertChanged(Struct, frozen=True, tag_field="type", tag="alert_changed"):
    """An alert as it stands: one episode of one rule on one objective, or on a whole service.

    `version` rises with each transition; the greater (version, updated_at) holds. `held_by` is
    why nobody is notified now, `held_back` how often somebody would have been. `slo` is the
    objective, None where the rule is about the whole service.
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
    slo: str | None = None
    figures_at_firing: AlertFigures | None = None
    acknowledged_on_behalf_of: str | None = None


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
    on_behalf_of: str | None = None


class ChannelTestRequested(Struct, frozen=True, tag_field="type", tag="channel_test_requested"):
    """Tell a channel something harmless, now, to see whether it works."""

    command_id: str
    channel: str
    actor: str
    requested_at: Instant
