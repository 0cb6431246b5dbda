"""Track why shards make no progress, and when each is tried again."""

import asyncio
import random
from dataclasses import dataclass

import structlog
from aiokafka import TopicPartition

from common.kafka.subscription import HEARTBEAT_SECONDS
from common.kafka.tolerant_records import UndecodableBatch
from common.ledger.shard import RefusedError
from common.ledger.store import FencedError
from common.runtime.backoff import backoff_seconds
from common.runtime.loops import TRANSIENT_ERRORS

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetryDelays:
    """How long to wait until a shard is acquired again."""

    first_seconds: float = 0.1
    longest_seconds: float = 5.0
    refused_seconds: float = 5.0
    fenced_seconds: float = HEARTBEAT_SECONDS

    def after(self, error: Exception) -> float:
        """Return the pause after a shard was given up for this error."""
        if isinstance(error, RefusedError):
            return self.refused_seconds
        # the rightful owner may be another: by then, our own heartbeat has shown it
        return self.fenced_seconds * _uniform(1, 2) if isinstance(error, FencedError) else 0.0

    def until_next_try(self, error: Exception, failures: int) -> float:
        """Return the pause after a shard could not be acquired for the n-th time."""
        if isinstance(error, RefusedError):
            return self.refused_seconds
        return backoff_seconds(failures, self.first_seconds, self.longest_seconds) * _uniform(
            0.5, 1.5
        )


class ShardTroubles:
    """Track refusals, which stand until accepted, and errors that pass, by shard."""

    def __init__(self) -> None:
        self.refusals: dict[int, str] = {}
        self.passing: dict[int, tuple[float, str]] = {}  # the event loop's seconds, and the error
        self.undecodable: dict[TopicPartition, UndecodableBatch] = {}
        self._refused_by_work: set[int] = set()

    def note(self, shard: int, error: Exception, *, by_work: bool = False) -> None:
        """Log and keep the last error of a shard; a defect of our own is no excuse.

        `by_work`: a batch was refused, so that acquiring the shard again proves nothing.
        """
        if isinstance(error, RefusedError):
            log.critical("shard_refused", shard=shard, reason=str(error))
            self.refusals[shard] = str(error)
            if by_work:
                self._refused_by_work.add(shard)
            return
        log.warning("shard_retry", shard=shard, error=repr(error))
        if isinstance(error, TRANSIENT_ERRORS):
            self.passing[shard] = asyncio.get_running_loop().time(), repr(error)

    def acquired(self, shard: int) -> None:
        """Forget a refusal to hold the shard, now that it is held."""
        if shard not in self._refused_by_work:
            self.refusals.pop(shard, None)

    def applied(self, shard: int) -> None:
        """Forget every refusal: a batch of the shard is applied."""
        self._refused_by_work.discard(shard)
        self.refusals.pop(shard, None)

    def excuses(self, since_seconds: float) -> dict[int, str]:
        """Return by shard why it makes no progress: refused, undecodable, or a recent error.

        Time is the event loop's, in seconds.
        """
        recent = {s: reason for s, (at, reason) in self.passing.items() if at >= since_seconds}
        return {**recent, **self.standing_still()}

    def standing_still(self) -> dict[int, str]:
        """Return by shard why it waits until someone has looked."""
        undecodable = {tp.partition: batch.reason for tp, batch in self.undecodable.items()}
        return {**undecodable, **self.refusals}

    def clear(self) -> None:
        """Forget everything: the group divides its shards anew."""
        self.refusals.clear()
        self.passing.clear()
        self.undecodable.clear()
        self._refused_by_work.clear()


def _uniform(least: float, most: float) -> float:
    return random.uniform(least, most)  # noqa: S311 - what failed together is not to come together
