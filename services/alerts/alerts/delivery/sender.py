"""One attempt to deliver one notification, whatever the kind of its channel."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from alerts.delivery.alertmanager import alertmanager_request
from alerts.delivery.apprise import deliver_by_apprise
from alerts.delivery.channel import Channel
from alerts.delivery.frame import Frame
from alerts.delivery.outcome import Outcome, Request, Response, failed, judge
from alerts.delivery.pagerduty import judge_pagerduty, pagerduty_request
from alerts.delivery.settings import DeliverySettings
from alerts.delivery.simulated import deliver_simulated
from alerts.delivery.slack import judge_slack, slack_request
from alerts.delivery.transport import Transport, TransportError
from alerts.delivery.webhook import webhook_request
from alerts.domain.notifications import Notification
from common.alerting.channels import SIMULATED
from common.config.clock import Clock

_MAX_ERROR_LENGTH = 500


def _as_judged(_: Response, outcome: Outcome) -> Outcome:
    return outcome


@dataclass(frozen=True, slots=True)
class HttpKind:
    """How a kind of channel that is called by HTTP says a notification and reads the answer."""

    request: Callable[[Channel, Notification, Frame], Request]
    judge: Callable[[Response, Outcome], Outcome] = _as_judged


HTTP_KINDS = {
    "webhook": HttpKind(webhook_request),
    "alertmanager": HttpKind(alertmanager_request),
    "pagerduty": HttpKind(pagerduty_request, judge_pagerduty),
    "slack": HttpKind(slack_request, judge_slack),
}


class Sender:
    """Makes attempts. Nothing that it returns holds a secret of the channel."""

    def __init__(self, settings: DeliverySettings, transport: Transport, clock: Clock) -> None:
        self._settings, self._transport, self._clock = settings, transport, clock

    async def send(self, channel: Channel, notification: Notification) -> Outcome:
        """Deliver once; a receiver that cannot be reached is an outcome, not an error."""
        outcome = await self._send(channel, notification)
        if outcome.error is None:
            return outcome
        return replace(outcome, error=_presentable(channel.redact(outcome.error)))

    async def _send(self, channel: Channel, notification: Notification) -> Outcome:
        if channel.kind == SIMULATED:
            return await deliver_simulated(notification)
        if channel.kind == "apprise":
            return await deliver_by_apprise(channel, notification, self._settings.apprise_schemes)
        kind = HTTP_KINDS[channel.kind]
        try:
            response = await self._transport.send(
                kind.request(channel, notification, self._frame())
            )
        except TransportError as error:
            return failed(str(error))
        return kind.judge(response, judge(response, self._clock()))

    def _frame(self) -> Frame:
        own = self._settings
        return Frame(self._clock(), own.external_url, own.repeat_seconds)


def _presentable(text: str) -> str:
    """Return one short line that PostgreSQL and logs can hold, whatever a receiver has sent."""
    return "".join(c if c.isprintable() else " " for c in text)[:_MAX_ERROR_LENGTH]
