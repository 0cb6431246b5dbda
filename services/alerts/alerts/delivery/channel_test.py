"""The notification that tries whether a channel works. Pure."""

import hashlib
from datetime import datetime

from alerts.domain.notification import Notification, NotificationAlert


def channel_test_notification(channel: str, key: str, now: datetime) -> Notification:
    """Return the notification; `key` makes it different from every other trial.

    It belongs to no episode, is attempted once only, and is never a page.
    """
    message = f"This is a test of the channel {channel}: no service is in trouble."
    alert = NotificationAlert(
        dedup_key=hashlib.sha256(f"trial\n{channel}\n{key}".encode()).hexdigest()[:32],
        episode_id=0,
        version=1,
        sequence=1,
        transition="test",
        severity="info",
        rule="channel-test",
        service_name="burnline",
        message=message,
        labels={"alertname": "channel-test", "service": "burnline", "trial": key},
        annotations={},
        started_at=now,
    )
    group = {"channel": channel}
    return Notification(f"trial/{channel}/{key}", channel, f"trial/{channel}", group, (alert,))
