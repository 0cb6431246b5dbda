"""How long a rule's levels have been met: holds before firing and before resolving. Pure."""

from datetime import datetime, timedelta

from msgspec import Struct

from alerts.domain.readings import Readings
from common.alerting.rules import Rule


class Memory(Struct, frozen=True, omit_defaults=True):
    """What a rule remembers of a service from one evaluation to the next.

    `met_since` holds, for each level, since when it has been met without a break; `cleared_since`
    since when the mildest has been on the good side of its threshold.
    """

    met_since: tuple[datetime | None, ...] = ()
    cleared_since: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is remembered that a fresh start would not know."""
        return not any(self.met_since) and self.cleared_since is None


NOTHING = Memory()


def remember(memory: Memory, readings: Readings, now: datetime, *, is_open: bool) -> Memory:
    """Return the memory after an evaluation. Clearing matters only to an episode that is open."""
    before = memory.met_since if len(memory.met_since) == len(readings) else (None,) * len(readings)
    met_since = tuple(
        (since or now) if reading.met else None
        for since, reading in zip(before, readings, strict=True)
    )
    cleared = is_open and readings[0].cleared
    return Memory(
        met_since if any(met_since) else (), (memory.cleared_since or now) if cleared else None
    )


def held_level(rule: Rule, memory: Memory, now: datetime) -> int:
    """Return the gravest level, from 1, that has been met for the rule's hold; 0 where none."""
    hold = timedelta(seconds=rule.for_seconds)
    return max(
        (
            number
            for number, since in enumerate(memory.met_since, 1)
            if since is not None and now - since >= hold
        ),
        default=0,
    )


def is_over(rule: Rule, memory: Memory, now: datetime) -> bool:
    """Tell whether the condition has been cleared for long enough to resolve."""
    hold = timedelta(seconds=rule.resolve_for_seconds)
    return memory.cleared_since is not None and now - memory.cleared_since >= hold
