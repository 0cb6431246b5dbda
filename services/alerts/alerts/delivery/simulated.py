"""The simulated channel: what would have been sent is stored, shown and logged."""

import structlog

from alerts.delivery.outcome import DELIVERED, Outcome
from alerts.delivery.plain_text import lines, title
from alerts.domain.notifications import Notification

log = structlog.get_logger()


async def deliver_simulated(notification: Notification) -> Outcome:
    """Log the notification; its row is what the dashboard shows."""
    log.info(
        "simulated_notification",
        notice_key=notification.notice_key,
        title=title(notification),
        alerts=lines(notification),
    )
    return DELIVERED
