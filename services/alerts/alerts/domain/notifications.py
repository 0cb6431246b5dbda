"""What is delivered: alerts of one channel that go out together, as their row stores them. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct, field

from alerts.domain.episodes import Episode, digest
from common.alerting.channels import ChannelKind
from common.alerting.rules import Severity

BURST_SERVICES: Final = 20
"""From so many services in one evaluation on, they share notifications."""

BURST_GROUP: Final = "burst"
MAX_ALERTS: Final = 200
"""In one notification, so that no request grows without bound."""

NO_EPISODE: Final = 0

NotificationReason = Literal[
    "firing", "escalated", "worsened", "reminded", "acknowledged", "resolved", "test"
]
"""Why a channel is notified: `worsened` where the burn rate has multiplied since it was last;
`reminded` repeats a firing that a silence had kept from it."""

PendingNotification = tuple[Episode, NotificationReason, tuple[str, ...]]
"""An episode as it is stored, the reason, and the channels."""


class NotificationAlert(Struct, frozen=True):
    """One episode at one transition.

    `dedup_key` (32 hex digits) is the same over the whole episode and never used again;
    `sequence` counts the notifications of it. `labels` are the identity for receivers that know
    no other: within an episode only `severity` changes, when it rises. `ends_at` is None until
    the episode is resolved.
    """

    dedup_key: str
    episode_id: int
    version: int
    sequence: int = field(name="notice")
    transition: NotificationReason
    severity: Severity
    rule: str
    service_name: str
    message: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: datetime
    ends_at: datetime | None = None

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """Alertmanager's word for the alert."""
        return "firing" if self.ends_at is None else "resolved"


class Notification(Struct, frozen=True):
    """Alerts that go out together. `group_labels` are those that grouping makes them share."""

    notice_key: str
    channel: str
    group_key: str
    group_labels: dict[str, str]
    alerts: tuple[NotificationAlert, ...]

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """`firing` where any alert is."""
        return "firing" if any(a.status == "firing" for a in self.alerts) else "resolved"

    @property
    def is_test(self) -> bool:
        """Whether it only tests the channel."""
        return all(alert.transition == "test" for alert in self.alerts)

    @property
    def episode_ids(self) -> list[int]:
        """The episodes that it is about; a channel test is about none."""
        return sorted({alert.episode_id for alert in self.alerts} - {NO_EPISODE})


def alert_of(episode: Episode, reason: NotificationReason) -> NotificationAlert:
    """Return what a notification says about an episode."""
    return NotificationAlert(
        dedup_key=episode.dedup_key,
        episode_id=episode.id,
        version=episode.version,
        sequence=episode.notices,
        transition=reason,
        severity=episode.severity,
        rule=episode.rule,
        service_name=episode.service_name,
        message=episode.message,
        labels=episode.labels,
        annotations=episode.annotations,
        started_at=episode.started_at,
        ends_at=episode.resolved_at,
    )


def group(
    pending: Iterable[PendingNotification], kind_of: Callable[[str], ChannelKind | None]
) -> list[Notification]:
    """Return the notifications: by channel and service, in a burst by channel alone.

    A channel whose kind takes alerts one by one gets a notification for each.
    """
    by_channel: dict[str, list[NotificationAlert]] = defaultdict(list)
    for episode, reason, channels in pending:
        for channel in channels:
            by_channel[channel].append(alert_of(episode, reason))
    return [
        notification
        for channel in sorted(by_channel)
        for notification in _of_channel(channel, by_channel[channel], kind_of(channel))
    ]


def channel_test(channel: str, key: str, now: datetime) -> Notification:
    """Return the notification that tests a channel; `key` sets it apart from every other test.

    It belongs to no episode, is attempted only once, and is never a page.
    """
    alert = NotificationAlert(
        dedup_key=digest("trial", channel, key),
        episode_id=NO_EPISODE,
        version=1,
        sequence=1,
        transition="test",
        severity="info",
        rule="channel-test",
        service_name="burnline",
        message=f"This is a test of the channel {channel}: no service is in trouble.",
        labels={"alertname": "channel-test", "service": "burnline", "trial": key},
        annotations={},
        started_at=now,
    )
    return Notification(
        f"trial/{channel}/{key}", channel, f"trial/{channel}", {"channel": channel}, (alert,)
    )


def _of_channel(
    channel: str, alerts: Sequence[NotificationAlert], kind: ChannelKind | None
) -> Iterator[Notification]:
    by_service: dict[str, list[NotificationAlert]] = defaultdict(list)
    for alert in alerts:
        by_service[alert.service_name].append(alert)
    if kind is not None and kind.alert_by_alert:
        for alert in alerts:
            yield _notification(channel, alert.service_name, [alert])
    elif len(by_service) >= BURST_SERVICES:
        for start in range(0, len(alerts), MAX_ALERTS):
            yield _notification(channel, None, alerts[start : start + MAX_ALERTS])
    else:
        for service_name, found in by_service.items():
            yield _notification(channel, service_name, found)


def _notification(
    channel: str, service_name: str | None, alerts: Sequence[NotificationAlert]
) -> Notification:
    versions = sorted(f"{a.dedup_key}/{a.version}/{a.transition}/{a.sequence}" for a in alerts)
    return Notification(
        notice_key=digest(channel, *versions),
        channel=channel,
        group_key=service_name or BURST_GROUP,
        group_labels={"service": service_name} if service_name else {},
        alerts=tuple(alerts),
    )
