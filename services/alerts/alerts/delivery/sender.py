"""One attempt to deliver one notification, whatever the kind of its channel."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from alerts.delivery.alertmanager import alertmanager_request
from alerts.delivery.apprise import deliver_by_apprise
from alerts.delivery.bodies import BodyContext, lines, title
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import (
    DELIVERED,
    DeliveryOutcome,
    Request,
    Response,
    failed,
    outcome_of,
)
from alerts.delivery.pagerduty import pagerduty_accepts, pagerduty_request
from alerts.delivery.settings import DeliverySettings
from alerts.delivery.slack import slack_accepts, slack_request
from alerts.delivery.transport import Transport, TransportError
from alerts.delivery.webhook import webhook_request
from alerts.domain.notifications import Notification
from common.alerting.channels import SIMULATED
from common.config.clock import Clock
from common.strangers import one_line

log = structlog.get_logger()

_MAX_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class HttpKind:
    """How a kind of channel writes a notification, and which successful answers it accepts."""

    request: Callable[[Channel, Notification, BodyContext], Request]
    accepts: Callable[[Response], bool] = lambda _: True


HTTP_KINDS = {
    "webhook": HttpKind(webhook_request),
    "alertmanager": HttpKind(alertmanager_request),
    "pagerduty": HttpKind(pagerduty_request, pagerduty_accepts),
    "slack": HttpKind(slack_request, slack_accepts),
}


class Sender:
    """Makes attempts. Nothing that it returns holds a secret of the channel."""

    def __init__(self, settings: DeliverySettings, transport: Transport, clock: Clock) -> None:
        self._settings, self._transport, self._clock = settings, transport, clock

    async def send(self, channel: Channel, notification: Notification) -> DeliveryOutcome:
        """Deliver once; a receiver that cannot be reached is an outcome, not an error."""
        outcome = await self._send(channel, notification)
        if outcome.error is None:
            return outcome
        return replace(outcome, error=one_line(channel.redact(outcome.error))[:_MAX_ERROR_LENGTH])

    async def _send(self, channel: Channel, notification: Notification) -> DeliveryOutcome:
        if channel.kind == SIMULATED:
            return _simulate(notification)
        if channel.kind == "apprise":
            return await deliver_by_apprise(channel, notification, self._settings.apprise_schemes)
        kind, own = HTTP_KINDS[channel.kind], self._settings
        context = BodyContext(self._clock(), own.external_url, own.repeat_seconds)
        try:
            response = await self._transport.send(kind.request(channel, notification, context))
        except TransportError as error:
            return failed(str(error))
        return outcome_of(response, self._clock(), kind.accepts)


def _simulate(notification: Notification) -> DeliveryOutcome:
    """Log the notification; the dashboard shows its row."""
    log.info(
        "simulated_notification",
        notice_key=notification.notice_key,
        title=title(notification),
        alerts=lines(notification),
    )
    return DELIVERED
