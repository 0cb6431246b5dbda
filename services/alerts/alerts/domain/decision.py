"""What an evaluation starts from and what it decides. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from alerts.domain.conditions import Memory
from alerts.domain.episodes import AlertKey, Episode, Transition
from alerts.domain.notifications import NotificationReason
from alerts.domain.stages import LastNotified, RuleOutcome

NOT_YET_STORED: Final = 0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What is kept of a service, by rule and objective: memories, open episodes, notifications.

    Of the notifications it is the last one.
    """

    memories: Mapping[AlertKey, Memory] = field(default_factory=dict)
    episodes: Mapping[AlertKey, Episode] = field(default_factory=dict)
    notified: Mapping[AlertKey, LastNotified] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether the passing of time alone can change anything."""
        return bool(self.memories or self.episodes)


@dataclass(frozen=True, slots=True)
class Moment:
    """When an evaluation takes place, and for which shard."""

    now: datetime
    shard: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What an evaluation changes. Nothing of it holds before it is stored.

    Each by rule and objective: `changed` are the episodes that are new or changed, `history` their
    new lines, `notifications` why and through which channels somebody is to be notified.
    """

    service_name: str
    before: ServiceState
    after: ServiceState
    changed: dict[AlertKey, Episode]
    history: tuple[tuple[AlertKey, Transition], ...]
    notifications: tuple[tuple[AlertKey, NotificationReason, tuple[str, ...]], ...]
    outcomes: tuple[RuleOutcome, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not self.changed and self.after.memories == self.before.memories

    def numbered(self, ids: Iterator[int]) -> dict[AlertKey, Episode]:
        """Return the changed episodes, new ones with the next of the ids."""
        return {key: e if e.id else replace(e, id=next(ids)) for key, e in self.changed.items()}

    def state(self, stored: Mapping[AlertKey, Episode]) -> ServiceState:
        """Return the state afterwards; `stored` are the changed episodes with their ids."""
        episodes = {key: stored.get(key, e) for key, e in self.after.episodes.items()}
        return ServiceState(self.after.memories, episodes, self.after.notified)
