"""The ledger's work: a shard's counts, in PostgreSQL and in memory."""

from collections.abc import Callable
from datetime import timedelta

from burnrate import recovery_repository
from burnrate.intake import take_in
from burnrate.judge import Rules
from burnrate.rings import RESOLUTIONS
from burnrate.service_state import Room
from burnrate.shard_state import ShardState
from burnrate.tally import batch_sums
from common.clock import Clock
from common.database import WriteSession
from common.ledger import Batch
from common.outbox import Outbox


class CountingWork:
    """What the ledger calls for each shard that this process owns."""

    def __init__(  # noqa: PLR0913 - the parts are named at the one place that wires them
        self,
        shards: int,
        lateness: timedelta,
        outbox: Outbox,
        clock: Clock,
        *,
        max_services: int = 10_000,
        is_deep: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.states: dict[int, ShardState] = {}
        self._room, self._is_deep = Room(max_services), is_deep
        self._shards, self._lateness = shards, lateness
        self._outbox, self._clock = outbox, clock

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read a shard's services and counts, as far as windows reach."""
        now = self._clock()
        state = ShardState(now, self._room, self._is_deep)
        try:
            state.load_services(*await recovery_repository.load_services(session, shard))
            for resolution in RESOLUTIONS:
                since = now - recovery_repository.KEPT[resolution]
                blocks = await recovery_repository.load_counts(session, shard, resolution, since)
                state.load_blocks(resolution, *blocks)
        except BaseException:
            state.close()
            raise
        self.release(shard)
        self.states[shard] = state

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write a batch; return what adds it to memory."""
        rules = Rules(batch.shard, self._shards, self._lateness)
        sums = batch_sums(await take_in(session, batch, rules, self._outbox))

        def fold() -> None:
            self.states[batch.shard].fold(sums, self._clock())
            self._outbox.wake()

        return fold

    def release(self, shard: int) -> None:
        """Forget a shard."""
        state = self.states.pop(shard, None)
        if state is not None:
            state.close()
