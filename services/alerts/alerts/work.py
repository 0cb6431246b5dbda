"""The shards that the alerts service owns: their state in memory, their state topics."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from alerts.domain.shard_state import ShardState
from alerts.storage import repository
from common.config.clock import Clock
from common.kafka.client import Record
from common.kafka.unreadable import each_readable
from common.ledger.shard import ShardWork
from common.storage.database import WriteSession

LONGEST_COOLDOWN: Final = timedelta(days=7)


class AlertsWork(ShardWork):
    """The states of owned shards."""

    def __init__(self, clock: Clock) -> None:
        self.states: dict[int, ShardState] = {}
        self._clock = clock

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read open episodes and the memories of rules."""
        since = self._clock() - LONGEST_COOLDOWN
        self.states[shard] = ShardState(await repository.load(session, shard, since))

    def release(self, shard: int) -> None:
        """Forget a shard."""
        self.states.pop(shard, None)

    def observe(self, shard: int, records: Sequence[Record]) -> None:
        """Apply snapshots and forecasts of a shard; skip unreadable records."""
        if (state := self.states.get(shard)) is not None:
            each_readable(records, state.observe)
