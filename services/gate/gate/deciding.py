"""The tick: decide on what is due, store and publish new decisions, confirm the others."""

import os
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog

from common.decisions.evaluate import evaluate, next_look
from common.events import GateDecision, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import DECISIONS
from common.ledger.ledger import ShardLedger
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Ownership
from common.ledger.store import FencedError
from common.runtime.failpoints import failpoint
from gate.domain.configuration import GateConfiguration
from gate.domain.records import (
    RANDOM_BYTES,
    DecisionRecord,
    Stamp,
    decision_id,
    feature_state,
    published,
)
from gate.domain.shard_view import ShardView
from gate.metrics import DECISIONS as DECIDED
from gate.metrics import TICK_SECONDS
from gate.settings import GateSettings
from gate.storage import repository
from gate.storage.repository import Published
from gate.work import GateWork

log = structlog.get_logger()

_STORED_AT_ONCE = 200  # with their inputs a few kilobytes each


class Decider:
    """Decides on the services of owned shards, one tick at a time."""

    def __init__(
        self,
        settings: GateSettings,
        runtime: ConsumerRuntime,
        ledger: ShardLedger,
        work: GateWork,
        configuration: GateConfiguration,
    ) -> None:
        self._settings, self._shards = settings, runtime.shards
        self._ledger, self._configuration = ledger, configuration
        self._views, self._traces, self._woken = work.views, work.traces, work.woken
        self._database, self._publisher = runtime.database, runtime.publisher
        self._clock = runtime.clock

    def touch(self, service_name: str | None) -> None:
        """Decide again at once on a service, or on all (None)."""
        if service_name is None:
            for view in self._views.values():
                view.due.update(view.snapshots, view.decisions)
        else:
            found = self._views.get(shard_of(service_name, self._shards))
            if found is None:
                return
            found.due.add(service_name)
        self._woken.set()

    async def tick(self) -> None:
        """Decide on the due services of every shard, and on all where its heartbeat is due."""
        beaten = []
        for shard, own in list(self._ledger.owned.items()):
            view = self._views.get(shard)
            if view is not None and own.state_topics.complete:
                with TICK_SECONDS.time():
                    beaten += await self._tick_shard(shard, own, view)
        if beaten:  # what is published holds, also where this fails
            async with self._database.write() as session:
                await repository.store_published(session, beaten)

    async def _tick_shard(self, shard: int, own: Ownership, view: ShardView) -> list[Published]:
        """Decide on a shard; return the heartbeat that was published, if one was."""
        now = self._clock()
        beats = self._is_heartbeat_due(view, now)
        due = view.take_due(now)
        names = self._all_of(shard, view) if beats else due
        try:
            found = self._decide(shard, own.epoch, view, names, now)
            new = [record for record in found if record.decision.decided_at == now]
            await self._store(shard, own.epoch, new)
            for record in found:
                view.decisions[record.decision.service_name] = record.decision
            await self._publish(shard, [r.decision for r in (found if beats else new)])
        except FencedError as error:
            log.warning("decisions_fenced", shard=shard, error=str(error))
            return []
        except BaseException:
            view.due |= due
            view.missed_beat()  # what is stored may not be published
            raise
        return [Published(shard, own.epoch, now)] if beats and view.beat(now) else []

    def _is_heartbeat_due(self, view: ShardView, now: datetime) -> bool:
        interval = timedelta(seconds=self._settings.heartbeat_seconds)
        return view.beat_at is None or now - view.beat_at >= interval

    def _all_of(self, shard: int, view: ShardView) -> set[str]:
        """Return the services of a shard: those that report, and those that are declared."""
        declared = {n for n in self._configuration.declared() if shard_of(n, self._shards) == shard}
        return declared | view.snapshots.keys()

    def _decide(
        self, shard: int, epoch: int, view: ShardView, names: Collection[str], now: datetime
    ) -> list[DecisionRecord]:
        found = []
        for name in sorted(names):
            if self._configuration.is_retired(name):
                view.forget(name)
            else:
                found.append(self._decide_one(shard, epoch, view, name, now))
        return found

    def _decide_one(
        self, shard: int, epoch: int, view: ShardView, name: str, now: datetime
    ) -> DecisionRecord:
        policy = self._configuration.policy_for(name)
        inputs = view.inputs(name, self._configuration, self._settings.silent_seconds, now)
        look_at = next_look(policy, inputs)
        if look_at is None:
            view.looks.pop(name, None)
        else:
            view.looks[name] = look_at
        new_id = decision_id(now, os.urandom(RANDOM_BYTES))
        stamp = Stamp(shard, epoch, new_id, self._settings.expires_after)
        before, found = view.decisions.get(name), evaluate(policy, inputs)
        expired_at = view.expired_at(before, self._settings.expires_after, now)
        if expired_at is not None:
            before = None  # what is known again is a new decision, also where it says the same
        decision = published(policy, inputs, found, stamp, before)
        return DecisionRecord(decision, inputs, policy, expired_at)

    async def _store(self, shard: int, epoch: int, new: Sequence[DecisionRecord]) -> None:
        """Store new decisions before they are published."""
        for start in range(0, len(new), _STORED_AT_ONCE):
            part = new[start : start + _STORED_AT_ONCE]
            async with self._database.write() as session:
                await repository.store_decisions(session, shard, epoch, part)
        for record in new:
            DECIDED.labels(feature_state(record.decision)).inc()
        if new:
            failpoint("decider.after_store")

    async def _publish(self, shard: int, decisions: Sequence[GateDecision]) -> None:
        records = [
            (d.service_name.encode(), encode(d), self._traces.hand_on(d.service_name, "decide"))
            for d in decisions
        ]
        if records:
            await self._publisher.send_all(
                [(DECISIONS.name, value, key, shard, headers) for key, value, headers in records]
            )
