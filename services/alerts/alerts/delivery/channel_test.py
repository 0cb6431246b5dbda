"""The notice that tries whether a channel works. Pure."""

import hashlib
from datetime import datetime

from alerts.domain.notification import Notice, NoticeAlert


def trial_notice(channel: str, key: str, now: datetime) -> Notice:
    """Return the notice; `key` makes it different from every other trial.

    It belongs to no episode, is attempted once only, and is never a page.
    """
    message = f"This is a test of the channel {channel}: no service is in trouble."
    alert = NoticeAlert(
        dedup_key=hashlib.sha256(f"trial\n{channel}\n{key}".encode()).hexdigest()[:32],
        episode_id=0,
        version=1,
        notice=1,
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
    return Notice(f"trial/{channel}/{key}", channel, f"trial/{channel}", group, (alert,))
