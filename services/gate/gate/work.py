"""What the ledger asks of the gate for each shard: its decisions at the start, then changes."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from common.kafka.client import Record
from common.kafka.topics import BURNRATES, FORECASTS
from common.kafka.trace_contexts import TraceContexts
from common.kafka.unreadable import skip_unreadable
from common.ledger.dlq_limit import DlqLimit, DlqLimits
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Batch, RefusedError, ShardWork
from common.storage.database import WriteSession
from common.storage.dead_letter_store import DeadLetterStore
from common.storage.dead_letters import DeadRecord, log_dead_letters
from gate.changes import Change, judge
from gate.domain.shard_view import ShardView
from gate.metrics import CHANGES
from gate.storage import repository


class GateWork(ShardWork):
    """Keeps a view of each shard that is held; stores the changes that come for it."""

    def __init__(self, runtime: ConsumerRuntime, limits: DlqLimits) -> None:
        self.views: dict[int, ShardView] = {}
        self.woken = asyncio.Event()
        self._outbox, self._clock, self._limits = runtime.outbox, runtime.clock, limits
        self.traces = TraceContexts("gate")
        self.dead_letters = DeadLetterStore("gate", runtime.outbox)
        self._breakers: dict[int, DlqLimit] = {}

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read the newest decision on each service, which the next ones go on from."""
        found = await repository.load_decisions(session, shard)
        self.views[shard] = ShardView({d.service_name: d for d in found})
        self._breakers.setdefault(shard, DlqLimit(self._limits))

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Store changes and dead letters; raise RefusedError where too much of it is bad."""
        judged = [judge(record) for record in batch.records]
        bad = np.array([isinstance(found, DeadRecord) for found in judged], np.bool_)
        breaker = self._breakers[batch.shard]
        if reason := breaker.judge(bad):
            raise RefusedError(
                f"shard {batch.shard}: {reason}; mend the sender, or raise GATE_MAX_BAD_RATIO "
                "and GATE_MAX_BAD_RUN to dead-letter them"
            )
        changes = [found for found in judged if isinstance(found, Change)]
        poison = [found for found in judged if isinstance(found, DeadRecord)]
        await repository.store_changes(session, changes)
        await self.dead_letters.add(session, poison, batch.cluster_id)

        def apply_to_memory() -> None:
            breaker.fold(bad)
            _report(changes, poison)
            self._outbox.wake()

        return apply_to_memory

    def observe(self, shard: int, records: Sequence[Record]) -> None:
        """Take burn rates and forecasts of a shard that is held; wake the decider if urgent."""
        view, now, urgent = self.views[shard], self._clock(), False
        self.traces.take(records, "read")
        for record in records:
            if record.value is None:
                continue
            with skip_unreadable(record):
                if record.topic == BURNRATES.name:
                    urgent |= view.on_burn_rate(BURNRATES.decode(record), now)
                elif record.topic == FORECASTS.name:
                    view.on_forecast(FORECASTS.decode(record))
        if urgent:
            self.woken.set()

    def release(self, shard: int) -> None:
        """Forget a shard; its breaker outlives a refusal, or it would go on with every try."""
        self.views.pop(shard, None)


def _report(changes: list[Change], poison: list[DeadRecord]) -> None:
    CHANGES.labels("read").inc(len(changes))
    CHANGES.labels("dead").inc(len(poison))
    log_dead_letters([found.letter for found in poison])
