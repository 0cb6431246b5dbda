"""The gate's work on its shards: their state in memory, and the changes topic."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from common.admission.change_events import check_change_time, identity_of_change, parse_change_event
from common.admission.decoding import EventRejected
from common.admission.fields import APPEND_SLACK
from common.kafka.client import Record, sender_of
from common.kafka.topics import BURNRATES, FORECASTS
from common.kafka.trace_contexts import TraceContexts
from common.kafka.unreadable import skip_unreadable
from common.ledger.dlq_limit import DlqLimit, DlqLimits
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Batch, RefusedError, ShardWork
from common.storage.database import WriteSession
from common.storage.dead_letters import (
    DeadLetterStore,
    DeadRecord,
    dead_letter,
    first_appended_at,
)
from gate.domain.shard_view import ShardView
from gate.metrics import CHANGES
from gate.storage import repository
from gate.storage.repository import IdentifiedChange


def classify(record: Record) -> IdentifiedChange | DeadRecord:
    """Return the change of a record, or its dead letter. Never raises, whatever its bytes are.

    It depends on the record alone, so that a replay gives the same. A change may stand in any
    partition: it is one row, whoever writes it.
    """
    appended_at = first_appended_at(record)
    try:
        event = parse_change_event(record.value)
        check_change_time(event.at, appended_at, APPEND_SLACK)
    except EventRejected as rejection:
        return DeadRecord(record, dead_letter(record, appended_at, rejection))
    return IdentifiedChange(identity_of_change(event), event, appended_at, sender_of(record))


class GateWork(ShardWork):
    """Keeps the view of each owned shard; stores the changes of its partition."""

    def __init__(self, runtime: ConsumerRuntime, limits: DlqLimits) -> None:
        self.views: dict[int, ShardView] = {}
        self.woken = asyncio.Event()
        self._outbox, self._clock, self._limits = runtime.outbox, runtime.clock, limits
        self.traces = TraceContexts("gate")
        self.dead_letters = DeadLetterStore("gate", runtime.outbox)
        self._dlq_limits: dict[int, DlqLimit] = {}

    async def load(self, session: WriteSession, shard: int) -> None:
        """Read the newest decision on each service, which the next one depends on."""
        found = await repository.load_decisions(session, shard)
        view = ShardView({d.service_name: d for d in found})
        view.published_at = await repository.load_published(session, shard)
        self.views[shard] = view
        self._dlq_limits.setdefault(shard, DlqLimit(self._limits))

    async def apply(self, session: WriteSession, batch: Batch) -> Callable[[], None]:
        """Store changes and dead letters; raise RefusedError where too many are unreadable."""
        classified = [classify(record) for record in batch.records]
        dead = [found for found in classified if isinstance(found, DeadRecord)]
        unreadable = np.array(
            [isinstance(one, DeadRecord) and one.is_unreadable for one in classified], np.bool_
        )
        dlq_limit = self._dlq_limits[batch.shard]
        if reason := dlq_limit.refusal(unreadable):
            raise RefusedError(
                f"shard {batch.shard}: {reason}; mend the sender, or raise GATE_MAX_BAD_RATIO "
                "and GATE_MAX_BAD_RUN to dead-letter them"
            )
        changes = [found for found in classified if isinstance(found, IdentifiedChange)]
        await repository.store_changes(session, changes)
        await self.dead_letters.add(session, dead, batch.cluster_id)

        def apply_to_memory() -> None:
            dlq_limit.apply(unreadable)
            CHANGES.labels("read").inc(len(changes))
            CHANGES.labels("dead").inc(len(dead))
            self._outbox.wake()

        return apply_to_memory

    def observe(self, shard: int, records: Sequence[Record]) -> None:
        """Apply burn rates and forecasts of an owned shard; wake the decider where it is urgent."""
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
        """Forget a shard, but not its DLQ limit: it must outlive a refusal and the next try."""
        self.views.pop(shard, None)
