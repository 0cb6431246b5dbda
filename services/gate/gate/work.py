"""What the ledger asks of the gate for each shard: its decisions at the start, then changes."""

from collections.abc import Callable

import numpy as np

from common.ledger.dlq_limit import DlqLimit, DlqLimits
from common.ledger.ledger import Batch, RefusedError
from common.observability.tracing import TraceContexts
from common.storage.database import WriteSession
from common.storage.dead_letter_store import DeadLetterStore
from common.storage.dead_letters import DeadRecord, log_dead_letters
from common.storage.outbox import Outbox
from gate.changes import Change, judge
from gate.domain.shard_view import ShardView
from gate.metrics import CHANGES
from gate.storage import repository


class GateWork:
    """Keeps a view of each shard that is held; stores the changes that come for it."""

    def __init__(self, outbox: Outbox, limits: DlqLimits) -> None:
        self.views: dict[int, ShardView] = {}
        self._outbox, self._limits = outbox, limits
        self.traces = TraceContexts("gate")
        self.letters = DeadLetterStore("gate", outbox)
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
        await self.letters.add(session, poison, batch.cluster_id)

        def fold() -> None:
            breaker.fold(bad)
            _report(changes, poison)
            self._outbox.wake()

        return fold

    def release(self, shard: int) -> None:
        """Forget a shard; its breaker outlives a refusal, or it would go on with every try."""
        self.views.pop(shard, None)


def _report(changes: list[Change], poison: list[DeadRecord]) -> None:
    CHANGES.labels("read").inc(len(changes))
    CHANGES.labels("dead").inc(len(poison))
    log_dead_letters([found.letter for found in poison])
