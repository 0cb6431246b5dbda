"""What an evaluation begins with and what it ends in. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alerts.domain.conditions import Memory
from alerts.domain.episodes import Episode, Transition
from alerts.domain.notification import Transition as Tell
from alerts.domain.stages import Outcome, Told

NOT_YET_STORED: Final = 0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What is kept of a service, by rule: memories, open episodes, when somebody was told."""

    memories: Mapping[str, Memory] = field(default_factory=dict)
    episodes: Mapping[str, Episode] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Tell whether time alone can change anything."""
        return bool(self.memories or self.episodes)


@dataclass(frozen=True, slots=True)
class Moment:
    """When an evaluation takes place, and for which shard."""

    now: datetime
    shard: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What an evaluation changes. Nothing of it holds before it is stored.

    `changed` are the episodes that are new or other than before, `history` their new lines,
    `tells` what is to be told and where; each by rule.
    """

    service_name: str
    before: ServiceState
    after: ServiceState
    changed: dict[str, Episode]
    history: tuple[tuple[str, Transition], ...]
    tells: tuple[tuple[str, Tell, tuple[str, ...]], ...]
    outcomes: tuple[Outcome, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing changes."""
        return not self.changed and self.after.memories == self.before.memories
