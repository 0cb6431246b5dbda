"""Which of two results of a service is newer, whoever published them. Pure."""

from datetime import datetime
from typing import Protocol


class Evaluated(Protocol):
    """A result of the owner of a shard: a snapshot, a forecast, a decision or a heartbeat."""

    @property
    def epoch(self) -> int:
        """Return the epoch of the owner: it grows with each change of ownership."""

    @property
    def evaluated_at(self) -> datetime:
        """Return when it was computed, by the owner's clock."""


def version(result: Evaluated) -> tuple[int, datetime]:
    """Return what grows with each newer result: a new owner's are newer, whatever its clock."""
    return result.epoch, result.evaluated_at


def is_newer(found: Evaluated, known: Evaluated | None) -> bool:
    """Return whether a result takes the place of the one at hand; a repeat of it does not."""
    return known is None or version(found) > version(known)
