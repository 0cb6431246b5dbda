"""What the bodies of all kinds of channel share. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from alerts.domain.notifications import NotificationAlert


@dataclass(frozen=True, slots=True)
class Frame:
    """What a body says beside the notification: when it is sent, and where the dashboard is."""

    now: datetime
    external_url: str
    repeat_seconds: float

    def service_url(self, service_name: str) -> str:
        """Return the dashboard's page of a service."""
        return f"{self.external_url.rstrip('/')}/services/{quote(service_name)}"


def rfc3339(instant: datetime) -> str:
    """Return the instant in UTC with milliseconds, as Alertmanager writes it."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def annotations_of(alert: NotificationAlert) -> dict[str, str]:
    """Return the alert's annotations, and what a receiver needs to know repeats and rises by."""
    return {
        "summary": alert.message,
        **alert.annotations,
        "severity": alert.severity,
        "transition": alert.transition,
        "version": str(alert.version),
        "notice": str(alert.sequence),
        "dedup_key": alert.dedup_key,
    }


def in_common(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the pairs that all of the mappings have."""
    first, *others = mappings
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
    }
