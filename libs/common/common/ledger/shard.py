"""What the shard ledger and a consumer's work agree on: batches, ownership, three calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from common.kafka.client import Record
from common.ledger.state_topics import LevelReading
from common.storage.database import WriteSession

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class RefusedError(Exception):
    """A shard must not go on until someone has looked; the text says why, for that person."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one shard, in order within each topic, none of them applied before."""

    shard: int
    cluster_id: str
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last failure of the world outside that a shard has met, by the event loop's time."""

    reason: str
    at_seconds: float


class ShardWork(Protocol):
    """What a consumer does with the shards it owns."""

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read the shard's state; called with its row locked, before the first `apply`.

        RefusedError says that the shard should not be held as it is.
        """

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write the batch's effect; return what brings memory up to it after the commit.

        Wrong content is dealt with inside; whatever is raised means: try the batch again.
        RefusedError says that it should not be applied at all; it is tried again, but slowly.
        """

    def release(self, shard: int) -> None:
        """Forget the shard's state in memory."""


class StateTopicsOnly:
    """The work of a consumer without input topics: its ledger has no batch to give it."""

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Refuse: whoever reads inputs must say what they do, or they would be lost in silence."""
        del session
        topics = sorted({record.topic for record in batch.records})
        raise RefusedError(f"shard {batch.shard}: nothing here takes records of {topics}")


@dataclass(slots=True)
class Ownership:
    """A shard that we hold. `applied_through`: all appended before is applied, by topic.

    `levels` tells whether the shard's levels are read as far as they stood when it was acquired.
    """

    epoch: int
    cluster_id: str
    next_offsets: dict[str, int]
    applied_through: dict[str, datetime]
    levels: LevelReading = field(default_factory=LevelReading)

    def oldest_applied(self) -> datetime:
        """Return the instant up to which every topic is applied."""
        return min(self.applied_through.values(), default=NEVER)
