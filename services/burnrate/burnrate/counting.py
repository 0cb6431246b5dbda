"""The ledger's work: a shard's counts, in PostgreSQL and in memory."""

from collections.abc import Callable
from datetime import timedelta

from burnrate import recovery_repository
from burnrate.blocks import Blocks
from burnrate.fast_reader import FastReader
from burnrate.intake import Intake
from burnrate.judge import Rules
from burnrate.marks import ShardMarks
from burnrate.rings import RESOLUTIONS
from burnrate.shard_state import ShardState
from burnrate.slots import Slots
from common.clock import Clock
from common.database import WriteSession
from common.ledger import Batch
from common.outbox import Outbox


class CountingWork:
    """What the ledger calls for each shard that this process owns."""

    def __init__(
        self,
        shards: int,
        lateness: timedelta,
        outbox: Outbox,
        clock: Clock,
        held_marks: int = 10_000_000,
    ) -> None:
        self.states: dict[int, ShardState] = {}
        self._intakes: dict[int, Intake] = {}
        self._shards, self._lateness = shards, lateness
        self._outbox, self._clock, self._held_marks = outbox, clock, held_marks

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read a shard's services and counts, as far as windows reach."""
        now = self._clock()
        state = ShardState(now)
        services = await recovery_repository.load_services(session, shard)
        names = [name for name, _, _ in services]
        state.load_services(names, [at for _, at, _ in services], [c for _, _, c in services])
        for resolution in RESOLUTIONS:
            since = now - recovery_repository.KEPT[resolution]
            buckets, blocks = await recovery_repository.load_blocks(
                session, shard, resolution, since, len(names)
            )
            state.load_blocks(resolution, names, buckets, blocks)
        slots = Slots(names)
        self._intakes[shard] = Intake(
            slots=slots,
            reader=FastReader(slots),
            marks=ShardMarks(self._held_marks // self._shards),
            blocks=Blocks(),
            rules=Rules(shard, self._shards, self._lateness),
            outbox=self._outbox,
        )
        self.states[shard] = state

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Write a batch; return what adds it to memory."""
        sums = await self._intakes[batch.shard].take_in(session, batch)

        def fold() -> None:
            self.states[batch.shard].fold(sums, self._clock())
            self._outbox.wake()

        return fold

    def release(self, shard: int) -> None:
        """Forget a shard."""
        self.states.pop(shard, None)
        self._intakes.pop(shard, None)
