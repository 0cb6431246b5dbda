"""The tick: evaluate what is due, store decisions and what is to be told in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from alerts.domain.conditions import Memory
from alerts.domain.configuration import Intent
from alerts.domain.decision import NOT_YET_STORED, Decision, Moment
from alerts.domain.episodes import Episode
from alerts.domain.evaluate import decide
from alerts.domain.grouping import Told, group
from alerts.domain.invalid_count_reports import InvalidCountReports
from alerts.domain.shard_state import ShardState
from alerts.metrics import (
    EVALUATION_SECONDS,
    NOTICES,
    OPEN_EPISODES,
    OUTCOMES,
    TRANSITIONS,
)
from alerts.publishing import alert_records
from alerts.storage import repository
from alerts.work import AlertsWork
from common.alerting.channels import CHANNEL_KINDS
from common.config.clock import Clock
from common.kafka.sharding import shard_of
from common.ledger.ledger import Ownership, ShardLedger
from common.ledger.store import LedgerStore
from common.runtime.failpoints import failpoint
from common.storage.database import Database, WriteSession
from common.storage.outbox import Outbox

MAX_DECISIONS: Final = 500
"""In one transaction: the rest follows at once, so that a burst does not grow without bound."""

_LATE_WITHIN: Final = timedelta(hours=1)

Stored = list[tuple[Decision, dict[str, Episode]]]


class Evaluator:
    """Evaluates owned shards, one call at a time."""

    def __init__(  # noqa: PLR0913 - the parts are named at the one place that wires them
        self,
        *,
        ledger: ShardLedger,
        work: AlertsWork,
        intent: Intent,
        impossible: InvalidCountReports,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        shards: int,
        silence: timedelta,
    ) -> None:
        self._ledger, self._work, self._intent = ledger, work, intent
        self._impossible, self._database, self._outbox = impossible, database, outbox
        self._clock, self._shards, self._silence = clock, shards, silence
        self._store = LedgerStore("alerts")

    @EVALUATION_SECONDS.time()
    async def tick(self) -> None:
        """Evaluate all owned shards whose levels are known. A shard that fails is read anew."""
        self._intent.forget_ended(self._clock())
        for shard, own in list(self._ledger.owned.items()):
            if not own.levels.complete:
                continue
            try:
                await self._evaluate(shard, own)
            except Exception as error:  # noqa: BLE001 - whatever it is, memory is not to be trusted
                await self._ledger.give_up(shard, own, error)
        OPEN_EPISODES.set(sum(s.open_episodes() for s in self._work.states.values()))

    async def _evaluate(self, shard: int, own: Ownership) -> None:
        state, now = self._work.states.get(shard), self._clock()
        if state is None:
            return
        silent = state.is_silent(now, self._silence)
        due = state.due(self._intent.revision, silent=silent)
        due.update(n for n in self._impossible.services(now) if self._is_in(shard, n))
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
        impossible = self._impossible.count(name, now)
        inputs = state.inputs(name, now, silent=silent, impossible=impossible)
        return decide(name, state.state(name), inputs, self._intent, Moment(now, shard))

    async def _commit(
        self,
        shard: int,
        own: Ownership,
        state: ShardState,
        decisions: Sequence[Decision],
    ) -> None:
        """Store decisions under the shard's epoch; memory follows what is stored."""
        if not decisions:
            return
        failpoint("alerts.before_transaction")
        async with self._ledger.lock:
            if self._ledger.owned.get(shard) is not own:
                return
            async with self._database.write() as session:
                await self._store.lock(session, shard, own.epoch, own.next_offsets)
                stored = await self._write(session, shard, decisions)
                failpoint("alerts.before_commit")
            failpoint("alerts.after_commit")
            for decision, episodes in stored:
                state.accept(decision, episodes)
        self._outbox.wake()

    async def _write(
        self, session: WriteSession, shard: int, decisions: Sequence[Decision]
    ) -> Stored:
        stored = await _with_ids(session, decisions)
        episodes = [episode for _, found in stored for episode in found.values()]
        lines = [(found[rule].id, line) for d, found in stored for rule, line in d.history]
        notices = group(_told(stored), lambda name: CHANNEL_KINDS.get(self._intent.kind_of(name)))
        await repository.store_episodes(session, episodes)
        await repository.store_transitions(session, lines)
        await repository.store_conditions(session, shard, _memories(decisions))
        await repository.store_notifications(session, notices)
        await self._outbox.add(session, alert_records(episodes))
        NOTICES.inc(len(notices))
        return stored

    async def _refuse_late_acknowledgements(
        self, shard: int, own: Ownership, state: ShardState, now: datetime
    ) -> None:
        """Note those that were made for an episode that had ended, in its history."""
        wishes = [
            wish
            for wish in self._intent.recent_acknowledgements(now - _LATE_WITHIN)
            if self._is_in(shard, wish.service_name)
        ]
        late = [w for w in wishes if not state.is_open(w.episode_id, w.service_name)]
        if late:
            async with self._ledger.lock, self._database.write() as session:
                await self._store.lock(session, shard, own.epoch, own.next_offsets)
                for wish in late:
                    await repository.acknowledge_too_late(session, shard, wish, now)
        self._intent.forget_recent(wishes)

    def _is_in(self, shard: int, service_name: str) -> bool:
        return shard_of(service_name, self._shards) == shard


async def _with_ids(session: WriteSession, decisions: Sequence[Decision]) -> Stored:
    """Return the decisions with their changed episodes, each with an id."""
    fresh = sum(e.id == NOT_YET_STORED for d in decisions for e in d.changed.values())
    ids = iter(await repository.draw_ids(session, fresh))
    return [
        (d, {r: e if e.id else replace(e, id=next(ids)) for r, e in d.changed.items()})
        for d in decisions
    ]


def _told(stored: Stored) -> list[Told]:
    return [
        (episodes[rule], why, channels)
        for decision, episodes in stored
        for rule, why, channels in decision.tells
    ]


def _memories(
    decisions: Sequence[Decision],
) -> list[tuple[str, str, Memory | None]]:
    """Return what rules remember now that is other than before."""
    return [
        (d.service_name, rule, d.after.memories.get(rule))
        for d in decisions
        for rule in {*d.before.memories, *d.after.memories}
        if d.before.memories.get(rule) != d.after.memories.get(rule)
    ]


def _count(decisions: Sequence[Decision]) -> None:
    for decision in decisions:
        for outcome in decision.outcomes:
            OUTCOMES.labels(outcome).inc()
        for _, line in decision.history:
            TRANSITIONS.labels(line.kind).inc()
