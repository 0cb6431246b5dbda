"""The ledger's work: a shard's counts, in PostgreSQL and in memory."""

from collections.abc import Callable
from datetime import timedelta

from burnrate import recovery_repository
from burnrate.intake import take_in
from burnrate.judge import Rules
from burnrate.rings import RESOLUTIONS
from burnrate.shard_state import ShardState
from common.clock import Clock
from common.database import WriteSession
from common.ledger import Batch
from common.outbox import Outbox


class CountingWork:
    """What the ledger calls for each shard that this process owns."""

    def __init__(self, shards: int, lateness: timedelta, outbox: Outbox, clock: Clock) -> None:
        self.states: dict[int, ShardState] = {}
        self._shards, self._lateness = shards, lateness
        self._outbox, self._clock = outbox, clock

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read a shard's services and counts, as far as windows reach."""
        now = self._clock()
        state = ShardState(now)
        for name, newest_at, counters in await recovery_repository.load_services(session, shard):
            entry = state.service(name)
            entry.newest_at, entry.counters = newest_at, counters
        for resolution in RESOLUTIONS:
            since = now - recovery_repository.KEPT[resolution]
            rows = await recovery_repository.load_counts(session, shard, resolution, since)
            state.load_counts(resolution, rows)
        self.states[shard] = state

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write a batch; return what adds it to memory."""
        rules = Rules(batch.shard, self._shards, self._lateness)
        sums = await take_in(session, batch, rules, self._outbox)

        def fold() -> None:
            self.states[batch.shard].fold(sums, self._clock())
            self._outbox.wake()

        return fold

    def release(self, shard: int) -> None:
        """Forget a shard."""
        self.states.pop(shard, None)
