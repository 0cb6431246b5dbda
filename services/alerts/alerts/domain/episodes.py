"""Episodes: a rule fires on a service until it resolves, a version per transition. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from common.alerting.rules import SEVERITY_ORDER, AlertState, HeldBy, Severity
from common.events import AlertAcknowledged, AlertFigures
from common.slo.vocabulary import RiskLevel

TransitionKind = Literal[
    "firing",
    "escalated",
    "acknowledged",
    "ack_too_late",
    "resolved",
    "held_back",
    "notified",
]
SYSTEM: Final = "burnline"
"""The actor where no person has acted."""


class AlertKey(NamedTuple):
    """What a service has at most one open episode of; `slo` is "" for the service as a whole."""

    rule: str
    slo: str


class Episode(Struct, frozen=True):
    """An alert from its firing to its end. `level` is the most severe so far, from 1.

    It is about an objective, or, where `slo` is None, about the service. `explained_level` is the
    risk level that those notified of it know of, lower once the level has fallen since.
    `notified_burn_rate` is the composite of the last notification.

    `notified_level` and `notified_severity` are those of the last notification (0 and None: there
    was none, or it is to be repeated), and `notices` counts them. `held_by` is why nobody is
    notified now; `held_back` counts how often that was so. `channels` is where the firing went.
    """

    id: int
    shard: int
    service_name: str
    rule: str
    dedup_key: str
    state: AlertState
    version: int
    level: int
    severity: Severity
    message: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledgement_revision: int = 0
    held_by: HeldBy | None = None
    held_back: int = 0
    notified_level: int = 0
    notified_severity: Severity | None = None
    notified_at: datetime | None = None
    notices: int = 0
    channels: tuple[str, ...] = ()
    slo: str | None = None
    figures_at_firing: AlertFigures | None = None
    explained_level: RiskLevel | None = None
    notified_burn_rate: float | None = None
    acknowledged_on_behalf_of: str | None = None

    @property
    def key(self) -> AlertKey:
        """Return what sets it apart from the other open episodes of its service."""
        return AlertKey(self.rule, self.slo or "")

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state != "resolved"

    @property
    def was_notified(self) -> bool:
        """Whether anybody has been notified of it."""
        return self.notices > 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A line in the history of an episode; `version` is the one that it led to."""

    kind: TransitionKind
    version: int
    at: datetime
    actor: str
    reason: str
    on_behalf_of: str | None = None


def digest(*lines: str) -> str:
    """Return 32 hex digits of the SHA-256 of the lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def dedup_key(service_name: str, key: AlertKey, started_at: datetime) -> str:
    """Return the key by which receivers know an episode; it is never used again."""
    return digest(service_name, *key, started_at.isoformat())


def escalated(
    episode: Episode, level: int, severity: Severity, now: datetime, **changes: Any
) -> Episode:
    """Return the episode at a more severe level. A higher severity ends an acknowledgement."""
    if SEVERITY_ORDER[severity] > SEVERITY_ORDER[episode.severity]:
        changes |= {
            "state": "firing",
            "acknowledged_by": None,
            "acknowledged_on_behalf_of": None,
            "acknowledged_at": None,
        }
    return _next_version(episode, now, level=level, severity=severity, **changes)


def acknowledged(episode: Episode, made: AlertAcknowledged, now: datetime) -> Episode:
    """Return the episode after somebody has acknowledged it."""
    return _next_version(
        episode,
        now,
        state="acknowledged",
        acknowledged_by=made.actor,
        acknowledged_on_behalf_of=made.on_behalf_of,
        acknowledged_at=now,
        acknowledgement_revision=made.revision,
        held_by=None,
    )


def resolved(episode: Episode, now: datetime) -> Episode:
    """Return the episode at its end."""
    return _next_version(episode, now, state="resolved", resolved_at=now, held_by=None)


def _next_version(episode: Episode, now: datetime, **changes: Any) -> Episode:
    return replace(episode, version=episode.version + 1, updated_at=now, **changes)
