"""The tick: evaluate every owned shard, publish what has changed, and say that we are alive."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from burnrate import recovery_repository, repository
from burnrate.catalog import Catalog
from burnrate.counting import CountingWork
from burnrate.metrics import LAG_SECONDS, OWNED_SHARDS, SNAPSHOTS
from burnrate.rings import Ints
from burnrate.service_state import Moment
from burnrate.settings import BurnrateSettings
from burnrate.shard_state import ShardState, Slot
from common.clock import Clock
from common.database import Database
from common.events import BurnRateSnapshot, ShardHeartbeat, encode
from common.failpoints import failpoint
from common.kafka import Headers, Publisher, correlation_headers
from common.ledger import Ownership, ShardLedger
from common.sharding import shard_of
from common.topics import BURNRATES


@dataclass(slots=True)
class _Published:
    """What has gone out of a shard under the present epoch."""

    epoch: int
    heartbeat_at: datetime | None = None
    fingerprints: dict[str, bytes] = field(default_factory=dict)


class Evaluator:
    """Evaluates shards and publishes their snapshots; one call at a time."""

    def __init__(  # noqa: PLR0913 - the parts are named at the one place that wires them
        self,
        *,
        settings: BurnrateSettings,
        shards: int,
        ledger: ShardLedger,
        work: CountingWork,
        catalog: Catalog,
        database: Database,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._settings, self._shards = settings, shards
        self._ledger, self._work, self._catalog = ledger, work, catalog
        self._database, self._publisher, self._clock = database, publisher, clock
        self._published: dict[int, _Published] = {}
        self._one_at_a_time = asyncio.Lock()

    async def tick(self) -> None:
        """Evaluate all owned shards; publish what has changed since it was last published."""
        OWNED_SHARDS.set(len(self._ledger.owned))
        async with self._one_at_a_time:
            for shard, own in list(self._ledger.owned.items()):
                await self._load_new_series(shard)
                await self._publish(shard, own, None, None)

    async def compute(self, command_id: str, service: str | None) -> None:
        """Publish the snapshots of one service or of all, then each shard's heartbeat."""
        only = None if service is None else shard_of(service, self._shards)
        async with self._one_at_a_time:
            for shard, own in list(self._ledger.owned.items()):
                if only in {None, shard}:
                    await self._load_new_series(shard)
                    await self._publish(shard, own, command_id, service)

    async def _publish(
        self, shard: int, own: Ownership, command_id: str | None, service: str | None
    ) -> None:
        state = self._work.states.get(shard)
        if state is None or self._ledger.owned.get(shard) is not own:
            return
        moment = self._moment(shard, own, command_id)
        known = self._known(shard, own.epoch)
        slots = state.slots(self._names(state, shard), self._catalog.targets)
        by_service = _group(slots, state.sums(slots, moment.now))
        changed: list[BurnRateSnapshot] = []
        fingerprints: dict[str, bytes] = {}
        for name, (own_slots, sums) in by_service.items():
            fingerprints[name] = _fingerprint(state, name, own_slots, sums, moment)
            asked = command_id is not None and service in {None, name}
            if asked or known.fingerprints.get(name) != fingerprints[name]:
                # the others have changed by chance: they are no answer to the command
                stamp = moment if asked else replace(moment, command_id=None)
                changed.append(state.snapshot(name, own_slots, sums, stamp))
        due = known.heartbeat_at is None or moment.now - known.heartbeat_at >= timedelta(
            seconds=self._settings.heartbeat_seconds
        )
        beat = command_id is not None or due
        await self._send(shard, changed, self._heartbeat(moment, len(by_service)) if beat else None)
        known.fingerprints = fingerprints
        if beat:
            known.heartbeat_at = moment.now

    async def _send(
        self, shard: int, snapshots: list[BurnRateSnapshot], heartbeat: ShardHeartbeat | None
    ) -> None:
        headers: Headers = correlation_headers()
        records = [
            (BURNRATES.name, encode(s), s.service_name.encode(), shard, headers) for s in snapshots
        ]
        if heartbeat is not None:
            key = f"shard/{shard}".encode()
            records.append((BURNRATES.name, encode(heartbeat), key, shard, headers))
        if records:
            failpoint("evaluator.before_publish")
            await self._publisher.send_all(records)
            failpoint("evaluator.after_publish")
        if snapshots:
            async with self._database.write() as session:
                await repository.store_snapshots(session, snapshots)
            SNAPSHOTS.inc(len(snapshots))

    def _moment(self, shard: int, own: Ownership, command_id: str | None) -> Moment:
        now = self._clock()
        applied_through = own.oldest_applied()
        lag_seconds = (now - applied_through).total_seconds()
        LAG_SECONDS.labels(str(shard)).set(lag_seconds)
        lagging = lag_seconds > self._settings.lagging_after_seconds
        return Moment(now, shard, own.epoch, applied_through, lagging, command_id)

    def _heartbeat(self, moment: Moment, services: int) -> ShardHeartbeat:
        return ShardHeartbeat(
            shard=moment.shard,
            epoch=moment.epoch,
            evaluated_at=moment.now,
            applied_through=moment.applied_through,
            services=services,
            command_id=moment.command_id,
        )

    def _known(self, shard: int, epoch: int) -> _Published:
        known = self._published.get(shard)
        if known is None or known.epoch != epoch:
            known = self._published[shard] = _Published(epoch)
        return known

    def _names(self, state: ShardState, shard: int) -> list[str]:
        declared = (n for n in self._catalog.declared() if shard_of(n, self._shards) == shard)
        return [name for name in {*state.services, *declared} if self._catalog.shown(name)]

    async def _load_new_series(self, shard: int) -> None:
        """Read the histories of latency targets that are new here, while no batch is applied."""
        state = self._work.states.get(shard)
        if state is None:
            return
        missing = [
            (name, target.threshold_seconds)
            for name in self._names(state, shard)
            for target in self._catalog.targets(name)
            if target.threshold_seconds is not None
            and not state.has_series(name, target.threshold_seconds)
        ]
        for name, threshold in missing:
            async with self._ledger.lock, self._database.read() as session:
                rows = await recovery_repository.load_latency(session, name, self._clock())
                if self._work.states.get(shard) is state:
                    state.load_latency(name, threshold, rows)


def _group(slots: list[Slot], sums: Ints) -> dict[str, tuple[list[Slot], Ints]]:
    rows: dict[str, list[int]] = {}
    for row, slot in enumerate(slots):
        rows.setdefault(slot.service, []).append(row)
    return {name: ([slots[i] for i in own], sums[own]) for name, own in rows.items()}


def _fingerprint(
    state: ShardState, name: str, slots: list[Slot], sums: Ints, moment: Moment
) -> bytes:
    """Return what a snapshot depends on, beside the time at which it was made."""
    entry = state.service(name)
    lengths = (entry.is_stale(moment.now), entry.resolution_seconds(moment.now))
    targets = [(slot.target.id, slot.target.revision) for slot in slots]
    told = (moment.lagging, lengths, targets, str(entry.newest_at), str(entry.counters))
    return repr(told).encode() + np.ascontiguousarray(sums).tobytes()
