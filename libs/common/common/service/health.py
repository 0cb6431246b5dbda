"""Say why a consumer is not ready that has not fetched, committed or got on for too long."""

import asyncio

from aiokafka import AIOKafkaConsumer

from common.kafka.fetch_watch import FetchWatch
from common.ledger.ledger import ShardLedger
from common.ledger.stall_detector import StallDetector, Vitals
from common.runtime.loops import LoopWatch

WATCHED_LOOPS = ("tick", "flush", "probe", "outbox", "commit")
LOOK_SECONDS = 1.0


class ConsumerHealth:
    """Looks once a second; `failing` is what `/readyz` says from the limit on."""

    def __init__(self, ledger: ShardLedger, limit_seconds: float) -> None:
        self.loops = LoopWatch()
        self._ledger, self._limit_seconds = ledger, limit_seconds
        self._fetches = FetchWatch()
        self._progress = StallDetector(limit_seconds, 2 * LOOK_SECONDS)
        self._stalled: str | None = None

    def look(self, consumer: AIOKafkaConsumer | None, *, consuming: bool) -> None:
        """Note what is fetched, and whether each shard gets on."""
        self._fetches.look(consumer)
        self._stalled = self._progress.look(
            vitals(self._ledger, self._ledger.troubles.standing_still(), consuming=consuming)
        )

    def failing(self) -> dict[str, str]:
        """Return what is wrong, by name, each with the reason."""
        found = self.loops.late(WATCHED_LOOPS, self._limit_seconds)
        if (silent := self._fetches.failing(self._limit_seconds)) is not None:
            found["kafka"] = silent
        if self._stalled is not None:
            errors = sorted(self._ledger.troubles.passing.values())
            last = f"; the last error: {errors[-1][1]}" if errors else ""
            found["progress"] = self._stalled + last
        return found


def vitals(ledger: ShardLedger, excuses: dict[int, str], *, consuming: bool) -> Vitals:
    """Return the state of a consumer at this moment; whoever waits for a transaction is excused."""
    waiting = dict.fromkeys(ledger.held_back, "a transaction of a producer is open")
    # whoever only follows state topics has nothing to apply, and asks nobody how far behind it is
    lag = ledger.lag if ledger.topics else dict.fromkeys(ledger.owned, 0)
    return Vitals(
        now_seconds=asyncio.get_running_loop().time(),
        consuming=consuming,
        assigned=ledger.assigned(),
        progress={s: tuple(o.next_offsets.items()) for s, o in ledger.owned.items()},
        lag=lag,
        excuses={**waiting, **excuses},
    )
