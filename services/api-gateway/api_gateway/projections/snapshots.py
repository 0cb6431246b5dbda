"""The newest figures of every service, in memory. The same records in any order end the same."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from api_gateway.catalog.domain import Target
from api_gateway.projections.service_status import ServiceState, service_state
from common.events import (
    AlertAcknowledged,
    AlertFigures,
    BurnRateSnapshot,
    CatalogMessage,
    ChannelChanged,
    PolicyChanged,
    PolicyMessage,
    RuleChanged,
    RuleMessage,
    ServiceChanged,
    ShardHeartbeat,
    TargetSpec,
)
from common.slo.freshness import ShardLiveness, as_lagging, is_silent
from common.slo.ordering import is_newer

Announcement = CatalogMessage | PolicyMessage | RuleMessage
"""An entry of a state topic: what users have set."""


class ReadModel:
    """What the result topics say, and which revision of what users have set is on its topic."""

    def __init__(self, shard_silence: timedelta, default: TargetSpec) -> None:
        self._shard_silence, self._default = shard_silence, default
        self._snapshots: dict[str, BurnRateSnapshot] = {}
        self._shards: defaultdict[int, ShardLiveness] = defaultdict(ShardLiveness)
        self._heartbeats: dict[int, ShardHeartbeat] = {}
        self._announced: dict[tuple[type, str], int] = {}
        self.version, self.catalog_version = 0, 0

    def apply_snapshot(self, snapshot: BurnRateSnapshot) -> None:
        """Keep a snapshot if it is newer than the one at hand."""
        self._shards[snapshot.shard].hear(snapshot.evaluated_at)
        if is_newer(snapshot, self._snapshots.get(snapshot.service_name)):
            self._snapshots[snapshot.service_name] = snapshot

    def apply_heartbeat(self, heartbeat: ShardHeartbeat) -> None:
        """Note that a shard's owner lives."""
        self._shards[heartbeat.shard].hear(heartbeat.evaluated_at)
        if is_newer(heartbeat, self._heartbeats.get(heartbeat.shard)):
            self._heartbeats[heartbeat.shard] = heartbeat

    def apply_announcement(self, change: Announcement) -> None:
        """Note which revision of an entry stands on its topic."""
        self.catalog_version += 1
        key = _entry(change)
        self._announced[key] = max(change.revision, self._announced.get(key, 0))

    def forget_announcements(self) -> None:
        """Begin again: the state topics are being read from their start."""
        self._announced.clear()

    def announced(self, change: Announcement) -> bool:
        """Return whether the entry's topic holds this revision of it, or a newer one."""
        return self._announced.get(_entry(change), 0) >= change.revision

    def newest(self, service_name: str) -> BurnRateSnapshot | None:
        """Return the newest snapshot of a service as it was published."""
        return self._snapshots.get(service_name)

    def state(self, service_name: str, targets: Sequence[Target], now: datetime) -> ServiceState:
        """Return what is shown of a service in use that has these targets."""
        snapshot = self._snapshots.get(service_name)
        if snapshot is None:
            return service_state(
                service_name, targets, None, default=self._default, silent=False, now=now
            )
        return self.state_at(snapshot, targets, now)

    def state_at(
        self, snapshot: BurnRateSnapshot, targets: Sequence[Target], now: datetime
    ) -> ServiceState:
        """Return what is shown of a service by this snapshot."""
        return service_state(
            snapshot.service_name,
            targets,
            snapshot,
            default=self._default,
            silent=self.silent(snapshot.shard, now),
            now=now,
            heartbeat=self._heartbeats.get(snapshot.shard),
        )

    def figures(self, service_name: str, slo: str | None, now: datetime) -> AlertFigures | None:
        """Return the figures of an objective now, or of the service; None where there are none."""
        snapshot = self._snapshots.get(service_name)
        if snapshot is None:
            return None
        found = AlertFigures.of(snapshot, slo)
        if found is not None and self.silent(snapshot.shard, now):
            return replace(found, data_status=as_lagging(found.data_status))
        return found

    def heard_at(self) -> datetime | None:
        """Return the newest sign of life of the shard that is silent for longest; None: of none."""
        heard = [shard.heard_at for shard in self._shards.values() if shard.heard_at is not None]
        return min(heard, default=None)

    def any_silent(self, now: datetime) -> bool:
        """Return whether a shard that has given a sign of life gives none any more."""
        heard_at = self.heard_at()
        return heard_at is not None and is_silent(heard_at, now, self._shard_silence)

    def silent(self, shard: int, now: datetime) -> bool:
        """Return whether the owner of a shard has given no sign of life for too long."""
        return self._shards[shard].is_silent(now, self._shard_silence)


def _entry(change: Announcement) -> tuple[type, str]:
    if isinstance(change, ServiceChanged | PolicyChanged | RuleChanged | ChannelChanged):
        return type(change), change.name
    if isinstance(change, AlertAcknowledged):
        return type(change), str(change.episode_id)
    return type(change), str(change.id)
