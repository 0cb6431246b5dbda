"""How long each level of a rule has been met: hold times before firing and resolving. Pure."""

from datetime import datetime, timedelta

from msgspec import Struct

from common.alerting.rules import Rule
from common.decisions.readings import Readings


class Memory(Struct, frozen=True, omit_defaults=True):
    """What a rule remembers about a service between two evaluations.

    `met_since` holds, for each level, since when it has been met without a break; `cleared_since`
    since when the mildest has been on the good side of its threshold.
    """

    met_since: tuple[datetime | None, ...] = ()
    cleared_since: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it equals a fresh start."""
        return not any(self.met_since) and self.cleared_since is None


class RuleMemory(Struct, frozen=True, omit_defaults=True):
    """What a rule remembers about a service, by objective; "" is the service as a whole."""

    by_slo: dict[str, Memory] = {}


NOTHING = Memory()


def remember(memory: Memory, readings: Readings, now: datetime, *, is_open: bool) -> Memory:
    """Return the memory after an evaluation. Clearing is tracked for open episodes only."""
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
    """Return the most severe level, from 1, met for the rule's hold time; 0 where none is."""
    hold = timedelta(seconds=rule.for_seconds)
    held = [n for n, since in enumerate(memory.met_since, 1) if since and now - since >= hold]
    return max(held, default=0)


def is_over(rule: Rule, memory: Memory, now: datetime) -> bool:
    """Whether the condition has been cleared for long enough to resolve."""
    hold = timedelta(seconds=rule.resolve_for_seconds)
    return memory.cleared_since is not None and now - memory.cleared_since >= hold
