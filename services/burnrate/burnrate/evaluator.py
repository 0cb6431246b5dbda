"""The tick: evaluate every owned shard, publish what has changed, and a heartbeat."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from burnrate.domain.catalog import Catalog
from burnrate.domain.service_state import Moment
from burnrate.evaluation.measuring import Published
from burnrate.evaluation.shard_state import Missing, ShardState
from burnrate.evaluation.snapshots import snapshots
from burnrate.metrics import SNAPSHOTS
from burnrate.settings import BurnrateSettings
from burnrate.storage import recovery_repository
from burnrate.work import CountingWork
from common.counts.layout import RESOLUTIONS
from common.events import BurnRateSnapshot, ShardHeartbeat, encode
from common.kafka.client import Headers, correlation_headers
from common.kafka.sharding import shard_of
from common.kafka.topics import BURNRATES
from common.ledger.ledger import ShardLedger
from common.ledger.runtime import ConsumerRuntime
from common.ledger.shard import Ownership
from common.runtime.failpoints import failpoint
from common.slo.streams import service_of
from common.storage.database import ReadSession
from common.storage.newest import store_newest


@dataclass(slots=True)
class _Sent:
    """What has gone out of a shard's state under the present epoch."""

    epoch: int
    state: ShardState
    heartbeat_at: datetime | None = None
    published: Published = field(default_factory=Published)


class Evaluator:
    """Evaluates shards and publishes their snapshots; one call at a time."""

    def __init__(
        self,
        settings: BurnrateSettings,
        runtime: ConsumerRuntime,
        ledger: ShardLedger,
        work: CountingWork,
        catalog: Catalog,
    ) -> None:
        self._settings, self._shards = settings, runtime.shards
        self._ledger, self._work, self._catalog = ledger, work, catalog
        self._database, self._publisher = runtime.database, runtime.publisher
        self._clock = runtime.clock
        self._sent: dict[int, _Sent] = {}
        self._one_at_a_time = asyncio.Lock()

    async def tick(self) -> None:
        """Evaluate all owned shards; publish what has changed since it was last published."""
        async with self._one_at_a_time:
            for shard, own in list(self._ledger.owned.items()):
                await self._follow_catalog(shard)
                await self._publish(shard, own, None, None)

    async def compute(self, command_id: str, service: str | None) -> None:
        """Publish the snapshots of one service or of all, then each shard's heartbeat."""
        only = None if service is None else shard_of(service, self._shards)
        async with self._one_at_a_time:
            for shard, own in list(self._ledger.owned.items()):
                if only in {None, shard}:
                    await self._follow_catalog(shard)
                    await self._publish(shard, own, command_id, service)

    async def _publish(
        self, shard: int, own: Ownership, command_id: str | None, service: str | None
    ) -> None:
        state = self._work.states.get(shard)
        if state is None or self._ledger.owned.get(shard) is not own:
            return
        moment = self._moment(shard, own, command_id)
        known = self._known(shard, own.epoch, state)
        asked = self._asked(state, command_id, service)
        measured = state.measure(known.published, moment, asked)
        due = known.heartbeat_at is None or moment.now - known.heartbeat_at >= timedelta(
            seconds=self._settings.heartbeat_seconds
        )
        beat = self._heartbeat(moment, state) if due or command_id is not None else None
        await self._send(shard, snapshots(state.sources, measured, moment, asked), beat)
        known.published.accept(measured)
        if beat is not None:
            known.heartbeat_at = moment.now

    @staticmethod
    def _asked(state: ShardState, command_id: str | None, service: str | None) -> frozenset[str]:
        if command_id is None:
            return frozenset()
        known = map(service_of, state.table.numbers)
        return frozenset(known if service is None else [service])

    async def _send(
        self, shard: int, snapshots: list[BurnRateSnapshot], heartbeat: ShardHeartbeat | None
    ) -> None:
        headers: Headers = correlation_headers()
        traces = self._work.traces
        records: list[tuple[str, bytes, bytes, int, Headers]] = []
        for s in snapshots:
            own = (*headers, *traces.hand_on(s.service_name, "evaluate"))
            records.append((BURNRATES.name, encode(s), s.service_name.encode(), shard, own))
        if heartbeat is not None:
            key = f"shard/{shard}".encode()
            records.append((BURNRATES.name, encode(heartbeat), key, shard, headers))
        failpoint("evaluator.before_publish")
        if records:
            await self._publisher.send_all(records)
        failpoint("evaluator.after_publish")
        if snapshots:
            async with self._database.write() as session:
                await store_newest(session, "burnrate.snapshot", snapshots)
            SNAPSHOTS.inc(len(snapshots))

    def _moment(self, shard: int, own: Ownership, command_id: str | None) -> Moment:
        now = self._clock()
        applied_through = own.oldest_applied()
        lag_seconds = (now - applied_through).total_seconds()
        lagging = lag_seconds > self._settings.lagging_after_seconds
        return Moment(now, shard, own.epoch, applied_through, lagging, command_id)

    def _heartbeat(self, moment: Moment, state: ShardState) -> ShardHeartbeat:
        return ShardHeartbeat(
            shard=moment.shard,
            epoch=moment.epoch,
            evaluated_at=moment.now,
            applied_through=moment.applied_through,
            services=len(state.slots.of_service),
            command_id=moment.command_id,
        )

    def _known(self, shard: int, epoch: int, state: ShardState) -> _Sent:
        known = self._sent.get(shard)
        if known is None or known.epoch != epoch or known.state is not state:
            known = self._sent[shard] = _Sent(epoch, state)
        return known

    async def _follow_catalog(self, shard: int) -> None:
        """Assign the objectives of what is new or has changed, and load the history they need."""
        state = self._work.states.get(shard)
        if state is None:
            return
        self._assign(shard, state)
        await self._store_released(shard, state)
        for name, missing in list(state.missing.items()):
            async with self._ledger.lock, self._database.read() as session:
                if self._work.states.get(shard) is state:
                    await self._load_missing(session, shard, name, missing)
        self._assign(shard, state)

    def _assign(self, shard: int, state: ShardState) -> None:
        changed = self._catalog.changed_after(state.catalog_revision)
        mine = (name for name in changed if shard_of(name, self._shards) == shard)
        known = state.table.numbers
        touched = {name for name in mine if name in known or self._catalog.declared(name)}
        state.catalog_revision = self._catalog.revision
        for name in sorted(touched | state.take_unassigned()):
            if self._catalog.shown(name):
                state.assign(name, self._catalog.targets(name))
            else:
                state.release(name)

    async def _store_released(self, shard: int, state: ShardState) -> None:
        """Note who has no place any more, so that a restart makes none for them."""
        if not state.unstored:
            return
        async with self._ledger.lock, self._database.write() as session:
            if self._work.states.get(shard) is state:
                await recovery_repository.store_released(session, shard, state.unstored)
        state.unstored.clear()

    async def _load_missing(
        self, session: ReadSession, shard: int, name: str, missing: Missing
    ) -> None:
        """Read a stream's histories while no batch is applied, and put them into memory."""
        state, now = self._work.states[shard], self._clock()
        load = recovery_repository.load_service_counts
        blocks = [
            (resolution, *await load(session, name, resolution, now))
            for resolution in (RESOLUTIONS if missing.deep else ())
        ]
        slow = await recovery_repository.load_slow_counts(session, name, missing.thresholds, now)
        if missing.deep:
            state.deepen(name)
            found = await recovery_repository.load_services(session, shard, name)
            state.load_services(found.names, found.newest_micros, found.counters)
        for resolution, buckets, counts in blocks:
            state.load_blocks(resolution, [name], buckets, counts)
        for threshold in missing.thresholds:
            state.load_slow_counts(name, threshold, slow)
