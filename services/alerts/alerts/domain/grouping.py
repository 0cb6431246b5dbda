"""From decisions to notices: what goes out together, to which channel. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from alerts.domain.episodes import Episode
from alerts.domain.notification import Notification, NotificationAlert, Transition
from common.alerting.channels import ChannelKind

BURST_SERVICES: Final = 20
"""From so many services in one evaluation on, they share notices."""

BURST_GROUP: Final = "burst"
MAX_ALERTS: Final = 200
"""In one notification, so that no request grows without bound."""

NO_EPISODE: Final = 0

KindOf = Callable[[str], ChannelKind | None]
Told = tuple[Episode, Transition, tuple[str, ...]]
"""An episode as it is stored, why it is told of, and the channels."""


def group(told: Iterable[Told], kind_of: KindOf) -> list[Notification]:
    """Return the notices: by channel and service, by channel alone where there are very many.

    A channel whose kind takes alerts one by one gets a notification for each.
    """
    by_channel: dict[str, list[NotificationAlert]] = defaultdict(list)
    for episode, transition, channels in told:
        for channel in channels:
            by_channel[channel].append(_alert(episode, transition))
    return [
        notification
        for channel in sorted(by_channel)
        for notification in _notices(channel, by_channel[channel], kind_of(channel))
    ]


def episode_ids(notification: Notification) -> list[int]:
    """Return the episodes that a notification is about; a test is about none."""
    return sorted({alert.episode_id for alert in notification.alerts} - {NO_EPISODE})


def _notices(
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
    identity = "\n".join([channel, *versions])
    return Notification(
        notice_key=hashlib.sha256(identity.encode()).hexdigest()[:32],
        channel=channel,
        group_key=service_name or BURST_GROUP,
        group_labels={"service": service_name} if service_name else {},
        alerts=tuple(alerts),
    )


def _alert(episode: Episode, transition: Transition) -> NotificationAlert:
    return NotificationAlert(
        dedup_key=episode.dedup_key,
        episode_id=episode.id,
        version=episode.version,
        sequence=episode.notices,
        transition=transition,
        severity=episode.severity,
        rule=episode.rule,
        service_name=episode.service_name,
        message=episode.message,
        labels=episode.labels,
        annotations=episode.annotations,
        started_at=episode.started_at,
        ends_at=episode.resolved_at,
    )
