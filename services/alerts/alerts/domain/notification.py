"""What is delivered: a group of alerts for one channel, as it is stored with its notification."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from common.alerting.rules import Severity

Transition = Literal["firing", "escalated", "reminded", "acknowledged", "resolved", "test"]
"""Why the channel is told: `reminded` repeats a firing that a silence had kept from it."""


class NotificationAlert(Struct, frozen=True):
    """One episode at one transition.

    `dedup_key` (32 hex digits) is the same over the whole episode and never used again;
    `sequence` counts the notifications of it. `labels` are the identity for receivers that know
    none other: within an episode only `severity` changes, when it rises. `ends_at` is None until
    the episode is resolved.
    """

    dedup_key: str
    episode_id: int
    version: int
    sequence: int = field(name="notice")
    transition: Transition
    severity: Severity
    rule: str
    service_name: str
    message: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: datetime
    ends_at: datetime | None = None

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """Return Alertmanager's word for the alert."""
        return "firing" if self.ends_at is None else "resolved"


class Notification(Struct, frozen=True):
    """Alerts that go out together. `group_labels` are those which they share by the grouping."""

    notice_key: str
    channel: str
    group_key: str
    group_labels: dict[str, str]
    alerts: tuple[NotificationAlert, ...]

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """Return `firing` where any alert is."""
        return "firing" if any(a.status == "firing" for a in self.alerts) else "resolved"

    @property
    def is_test(self) -> bool:
        """Tell whether it only tries the channel."""
        return all(alert.transition == "test" for alert in self.alerts)
