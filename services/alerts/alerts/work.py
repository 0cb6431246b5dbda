"""The shards that the alerts service owns: their state in memory, their state topics."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from alerts.domain.shard_state import ShardState
from alerts.storage import repository
from common.config.clock import Clock
from common.events import BurnRateMessage, ServiceForecast
from common.kafka.client import Record
from common.kafka.topics import BURNRATES, FORECASTS
from common.kafka.unreadable import skip_unreadable
from common.ledger.shard import ShardWork
from common.storage.database import WriteSession

LONGEST_COOLDOWN: Final = timedelta(days=7)

_decoders: Final = {
    BURNRATES.name: msgspec.json.Decoder(BurnRateMessage),
    FORECASTS.name: msgspec.json.Decoder(ServiceForecast),
}


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
        state = self.states.get(shard)
        for record in records:
            if state is None or record.value is None:
                continue
            with skip_unreadable(record):
                state.observe(_decoders[record.topic].decode(record.value))
