"""Detect that a consumer makes no progress, although it answers to probes. Pure.

A broker that answers says nothing about a handler that hangs or a consume loop that has ended.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vitals:
    """The state of a consumer at one moment, by shard."""

    now_seconds: float  # of a clock that never goes back
    consuming: bool  # the loop that reads is there
    assigned: Collection[int]  # shards that the group has given us
    progress: Mapping[int, object]  # of the shards that we hold: what is applied of each
    lag: Mapping[int, int]  # records to be applied; where one is missing, it is not known
    excuses: Mapping[int, str]  # why a shard does not get on, where that is known


class StallDetector:
    """Decide that the process should end once a shard has stood still for too long.

    Only time that passes between two looks is counted, and at most `longest_step_seconds` of it:
    a process that was frozen gets its chance to go on.
    """

    def __init__(self, stall_seconds: float, longest_step_seconds: float) -> None:
        self._stall_seconds, self._longest_step_seconds = stall_seconds, longest_step_seconds
        self._looked_at_seconds: float | None = None
        self._progress: dict[int, object] = {}  # of all that are assigned, as last known
        self._stalled_seconds: dict[int, float] = {}

    def look(self, vitals: Vitals) -> str | None:
        """Return why the process should end; None while it gets on, waits, or has an excuse."""
        if not vitals.consuming:
            return "the consume loop has ended"
        before = self._looked_at_seconds
        passed = 0.0 if before is None else vitals.now_seconds - before
        passed = min(passed, self._longest_step_seconds)
        self._looked_at_seconds = vitals.now_seconds
        self._stalled_seconds = {
            shard: self._stalled(shard, vitals, passed) for shard in vitals.assigned
        }
        self._progress = {
            shard: vitals.progress.get(shard, self._progress.get(shard))
            for shard in vitals.assigned
        }
        for shard, seconds in self._stalled_seconds.items():
            if seconds >= self._stall_seconds:
                return f"shard {shard} {_state(shard, vitals)} for {seconds:.0f} s"
        return None

    def _stalled(self, shard: int, vitals: Vitals, passed: float) -> float:
        """Return for how long a shard has stood still.

        To give a shard up and acquire it again is no progress: what is applied must have moved.
        """
        if shard in vitals.excuses or shard not in self._progress:
            return 0.0
        stalled = self._stalled_seconds.get(shard, 0.0)
        if shard not in vitals.progress:
            return stalled + passed
        if vitals.progress[shard] != self._progress[shard] or vitals.lag.get(shard) == 0:
            return 0.0
        return stalled + passed if shard in vitals.lag else stalled


def _state(shard: int, vitals: Vitals) -> str:
    if shard not in vitals.progress:
        return "is ours and was not acquired"
    return f"is {vitals.lag.get(shard, 'some')} records behind and has not moved"
