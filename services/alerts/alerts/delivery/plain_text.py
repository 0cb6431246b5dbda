"""A notification in words, for receivers that are people. Pure."""

from alerts.domain.notifications import Notification, NotificationAlert

MOST_ALERTS = 20
"""More are counted, not listed: chats cut long messages off."""
_MAX_LINE_LENGTH = 140


def title(notification: Notification) -> str:
    """Return one line: what happens, to how many, where."""
    transitions = {alert.transition for alert in notification.alerts}
    happened = transitions.pop() if len(transitions) == 1 else notification.status
    group = ", ".join(notification.group_labels.values())
    count = f" ({len(notification.alerts)})" if len(notification.alerts) > 1 else ""
    return f"[{happened.upper()}]{count} {group}".rstrip()


def lines(notification: Notification) -> list[str]:
    """Return a line for each alert, the first ones where there are many."""
    listed = [line(alert) for alert in notification.alerts[:MOST_ALERTS]]
    more = len(notification.alerts) - len(listed)
    return [*listed, f"and {more} more"] if more > 0 else listed


def line(alert: NotificationAlert) -> str:
    """Return one alert in a line."""
    text = f"{alert.severity} {alert.service_name} {alert.rule}: {alert.message}"
    return text if len(text) <= _MAX_LINE_LENGTH else f"{text[: _MAX_LINE_LENGTH - 1]}…"
