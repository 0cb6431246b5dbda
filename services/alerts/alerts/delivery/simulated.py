"""The simulated channel: what would have been sent is stored, shown and logged."""

import structlog

from alerts.delivery.outcome import DELIVERED, Outcome
from alerts.delivery.plain_text import lines, title
from alerts.domain.notification import Notice

log = structlog.get_logger()


async def deliver_simulated(notice: Notice) -> Outcome:
    """Log the notice; its row is what the dashboard shows."""
    log.info(
        "simulated_notification",
        notice_key=notice.notice_key,
        title=title(notice),
        alerts=lines(notice),
    )
    return DELIVERED
