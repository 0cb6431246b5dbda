"""A notice in words, for receivers that are people. Pure."""

from alerts.domain.notification import Notice, NoticeAlert

MOST_ALERTS = 20
"""More are counted, not listed: chats cut long messages off."""
_MAX_LINE_LENGTH = 140


def title(notice: Notice) -> str:
    """Return one line: what happens, to how many, where."""
    transitions = {alert.transition for alert in notice.alerts}
    happened = transitions.pop() if len(transitions) == 1 else notice.status
    group = ", ".join(notice.group_labels.values())
    count = f" ({len(notice.alerts)})" if len(notice.alerts) > 1 else ""
    return f"[{happened.upper()}]{count} {group}".rstrip()


def lines(notice: Notice) -> list[str]:
    """Return a line for each alert, the first ones where there are many."""
    listed = [line(alert) for alert in notice.alerts[:MOST_ALERTS]]
    more = len(notice.alerts) - len(listed)
    return [*listed, f"and {more} more"] if more > 0 else listed


def line(alert: NoticeAlert) -> str:
    """Return one alert in a line."""
    text = f"{alert.severity} {alert.service_name} {alert.rule}: {alert.message}"
    return text if len(text) <= _MAX_LINE_LENGTH else f"{text[: _MAX_LINE_LENGTH - 1]}…"
