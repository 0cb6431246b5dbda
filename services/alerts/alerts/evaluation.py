"""The tick: evaluate what is due; store decisions and notifications in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerts.domain.conditions import RuleMemory
from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import NOT_YET_STORED, Decision, Moment
from alerts.domain.episodes import AlertKey, Episode
from alerts.domain.evaluate import decide
from alerts.domain.invalid_count_reports import InvalidCountReports
from alerts.domain.notifications import group
from alerts.domain.shard_state import ShardState
from alerts.metrics import EVALUATION_SECONDS, NOTIFICATIONS, OPEN_EPISODES, OUTCOMES, TRANSITIONS
from alerts.publishing import alert_records
from alerts.storage import repository
from alerts.work import AlertsWork
from common.kafka.sharding import shard_of
from common.ledger.ledger import ShardLedger
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Ownership
from common.ledger.store import LedgerStore
from common.runtime.failpoints import failpoint
from common.storage.database import WriteSession

MAX_DECISIONS: Final = 500
"""In one transaction: the rest follows at once, so that a burst does not grow without bound."""

_LATE_WITHIN: Final = timedelta(hours=1)
_store: Final = LedgerStore("alerts")

Stored = list[tuple[Decision, dict[AlertKey, Episode]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Evaluates owned shards, one call at a time."""

    runtime: ConsumerRuntime
    ledger: ShardLedger
    work: AlertsWork
    configuration: AlertConfiguration
    invalid_counts: InvalidCountReports
    silence: timedelta

    @EVALUATION_SECONDS.time()
    async def tick(self) -> None:
        """Evaluate all owned shards whose state topics are read. A failed shard is read again."""
        self.configuration.forget_ended(self.runtime.clock())
        for shard, own in list(self.ledger.owned.items()):
            if not own.state_topics.complete:
                continue
            try:
                await self._evaluate(shard, own)
            except Exception as error:  # noqa: BLE001 - after any error, memory is not to be trusted
                await self.ledger.give_up(shard, own, error)
        OPEN_EPISODES.set(sum(s.open_episodes() for s in self.work.states.values()))

    async def _evaluate(self, shard: int, own: Ownership) -> None:
        state, now = self.work.states.get(shard), self.runtime.clock()
        if state is None:
            return
        silent = state.is_silent(now, self.silence)
        due = state.due(self.configuration.revision, silent=silent)
        due.update(n for n in self.invalid_counts.services(now) if self._is_in(shard, n))
        names = sorted(due)
        for start in range(0, len(names), MAX_DECISIONS):
            batch = names[start : start + MAX_DECISIONS]
            decisions = [self._decide(shard, state, name, now, silent=silent) for name in batch]
            await self._commit(shard, own, state, [d for d in decisions if not d.is_empty])
            state.done(batch)
            _count(decisions)
        await self._refuse_late_acknowledgements(shard, own, state, now)

    def _decide(
        self, shard: int, state: ShardState, name: str, now: datetime, *, silent: bool
    ) -> Decision:
        invalid_counts = self.invalid_counts.count(name, now)
        inputs = state.inputs(name, now, silent=silent, invalid_counts=invalid_counts)
        return decide(name, state.state(name), inputs, self.configuration, Moment(now, shard))

    async def _commit(
        self, shard: int, own: Ownership, state: ShardState, decisions: Sequence[Decision]
    ) -> None:
        """Store decisions under the shard's epoch, then update memory."""
        if not decisions:
            return
        failpoint("alerts.before_transaction")
        async with self.ledger.lock:
            if self.ledger.owned.get(shard) is not own:
                return
            async with self.runtime.database.write() as session:
                await _store.lock(session, shard, own.epoch, own.next_offsets)
                stored = await self._write(session, shard, decisions)
                failpoint("alerts.before_commit")
            failpoint("alerts.after_commit")
            for decision, episodes in stored:
                state.accept(decision, episodes)
        self.runtime.outbox.wake()

    async def _write(
        self, session: WriteSession, shard: int, decisions: Sequence[Decision]
    ) -> Stored:
        fresh = sum(e.id == NOT_YET_STORED for d in decisions for e in d.changed.values())
        ids = iter(await repository.draw_ids(session, fresh))
        stored = [(decision, decision.numbered(ids)) for decision in decisions]
        episodes = [episode for _, found in stored for episode in found.values()]
        lines = [(found[key].id, line) for d, found in stored for key, line in d.history]
        pending = [
            (found[key], reason, channels)
            for decision, found in stored
            for key, reason, channels in decision.notifications
        ]
        notifications = group(pending, self.configuration.kind_of)
        await repository.store_episodes(session, episodes)
        await repository.store_transitions(session, lines)
        await repository.store_conditions(session, shard, _changed_memories(decisions))
        await repository.store_notifications(session, notifications)
        await self.runtime.outbox.add(session, alert_records(episodes))
        NOTIFICATIONS.inc(len(notifications))
        return stored

    async def _refuse_late_acknowledgements(
        self, shard: int, own: Ownership, state: ShardState, now: datetime
    ) -> None:
        """Record acknowledgements of episodes that had already ended in their history."""
        recent = [
            made
            for made in self.configuration.recent_acknowledgements(now - _LATE_WITHIN)
            if self._is_in(shard, made.service_name)
        ]
        late = [made for made in recent if not state.is_open(made.episode_id, made.service_name)]
        if late:
            async with self.ledger.lock, self.runtime.database.write() as session:
                await _store.lock(session, shard, own.epoch, own.next_offsets)
                for made in late:
                    await repository.acknowledge_too_late(session, shard, made, now)
        self.configuration.forget_recent(recent)

    def _is_in(self, shard: int, service_name: str) -> bool:
        return shard_of(service_name, self.runtime.shards) == shard


def _changed_memories(decisions: Sequence[Decision]) -> list[repository.StoredMemory]:
    """Return what rules remember where any objective of it has changed."""
    found: list[repository.StoredMemory] = []
    for decision in decisions:
        before, after = decision.before.memories, decision.after.memories
        changed = {k.rule for k in {*before, *after} if before.get(k) != after.get(k)}
        for rule in changed:
            by_slo = {key.slo: memory for key, memory in after.items() if key.rule == rule}
            found.append((decision.service_name, rule, RuleMemory(by_slo) if by_slo else None))
    return found


def _count(decisions: Sequence[Decision]) -> None:
    for decision in decisions:
        for outcome in decision.outcomes:
            OUTCOMES.labels(outcome).inc()
        for _, line in decision.history:
            TRANSITIONS.labels(line.kind).inc()
