"""All other receivers, through the library `apprise` (the optional extra `notify`).

Apprise makes its own connections, which the address guard cannot check. Therefore the operator
names the schemes that it may use.
"""

import asyncio
from collections.abc import Sequence
from types import ModuleType

from alerts.delivery.bodies import lines, title
from alerts.delivery.channel import Channel
from alerts.delivery.outcome import DELIVERED, DeliveryOutcome, failed
from alerts.domain.notifications import Notification
from common.strangers import chat


async def deliver_by_apprise(
    channel: Channel, notification: Notification, allowed_schemes: Sequence[str]
) -> DeliveryOutcome:
    """Send title and text; the outcome names what is missing where it cannot be sent."""
    scheme = channel.secrets["url"].partition(":")[0].lower()
    if scheme not in allowed_schemes:
        return failed(f"ALERTS_APPRISE_SCHEMES does not allow the scheme `{scheme}`")
    library = _library()
    if library is None:
        return failed("apprise is not installed: install Burnline with the extra `notify`")
    return await asyncio.to_thread(_deliver, library, channel, notification)


def _library() -> ModuleType | None:
    try:
        import apprise  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    return apprise


def _deliver(library: ModuleType, channel: Channel, notification: Notification) -> DeliveryOutcome:
    target = library.Apprise()
    if not target.add(channel.secrets["url"]):
        return failed("apprise does not understand the channel's address")
    body = "\n".join(chat(line) for line in lines(notification))
    # as plain text: apprise escapes it for receivers of HTML, mail among them
    if target.notify(title=chat(title(notification)), body=body, body_format="text"):
        return DELIVERED
    return failed("apprise could not deliver; it does not say why")
