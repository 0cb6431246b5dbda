"""Episodes: from a rule's firing on a service to its end, one version for each transition. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from common.alerting.rules import SEVERITY_ORDER, AlertState, HeldBy, Severity

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
"""The actor of what no person has done."""


class Episode(Struct, frozen=True):
    """An alert from its firing to its end. `level` is the gravest so far, from 1.

    `notified_level` and `notified_severity` are what its channels were last told (0 and None:
    nothing, or to be told again); `notices` counts how often. `held_by` is why they are not told
    now; `held_back` counts what was held back. `channels` is where the firing went.
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

    @property
    def is_open(self) -> bool:
        """Tell whether it has not ended."""
        return self.state != "resolved"

    @property
    def was_told(self) -> bool:
        """Tell whether anybody has been told of it."""
        return self.notices > 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A line of an episode's history: what, when, who and why; `version` is the one after it."""

    kind: TransitionKind
    version: int
    at: datetime
    actor: str
    reason: str


def dedup_key(service_name: str, rule: str, started_at: datetime) -> str:
    """Return the key that receivers know an episode by: never that of another, 32 hex digits."""
    identity = f"{service_name}\n{rule}\n{started_at.isoformat()}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def escalated(episode: Episode, level: int, severity: Severity, now: datetime) -> Episode:
    """Return the episode at a more severe level. A more severe severity ends an acknowledgement."""
    rises = SEVERITY_ORDER[severity] > SEVERITY_ORDER[episode.severity]
    held = episode.state == "acknowledged" and not rises
    return replace(
        episode,
        version=episode.version + 1,
        level=level,
        severity=severity,
        state="acknowledged" if held else "firing",
        acknowledged_by=episode.acknowledged_by if held else None,
        acknowledged_at=episode.acknowledged_at if held else None,
        updated_at=now,
    )


def acknowledged(episode: Episode, actor: str, revision: int, now: datetime) -> Episode:
    """Return the episode that somebody has taken on."""
    return replace(
        episode,
        version=episode.version + 1,
        state="acknowledged",
        acknowledged_by=actor,
        acknowledged_at=now,
        acknowledgement_revision=revision,
        held_by=None,
        updated_at=now,
    )


def resolved(episode: Episode, now: datetime) -> Episode:
    """Return the episode at its end."""
    return replace(
        episode,
        version=episode.version + 1,
        state="resolved",
        resolved_at=now,
        held_by=None,
        updated_at=now,
    )
