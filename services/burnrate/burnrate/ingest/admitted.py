"""Events that count, as the judge hands them on. Pure."""

from dataclasses import dataclass
from datetime import datetime

from common.events import MetricEvent

Lane = tuple[str, str]
"""An import and the partition that its records came through (empty: the right one)."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An event that counts, when its record was appended, and what was odd about it."""

    event: MetricEvent
    appended_at: datetime
    identified: bool = True
    misrouted: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """An event for this shard, with its key if it has one.

    `lane` and `line` place a record of an import, else None and 0.
    """

    admitted: Admitted
    identity: bytes | None
    lane: Lane | None = None
    line: int = 0
