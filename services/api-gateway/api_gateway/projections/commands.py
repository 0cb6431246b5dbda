"""Asks the shards to compute now, and waits for the answers that carry the command's id."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from common.config.clock import Clock
from common.events import BurnRateSnapshot, ComputeRequested, ShardHeartbeat, encode
from common.kafka.client import Sender, correlation_headers
from common.kafka.sharding import shard_of
from common.kafka.topics import COMMANDS


class SilentShardsError(Exception):
    """These shards did not answer in time."""

    def __init__(self, shards: frozenset[int]) -> None:
        super().__init__(f"no answer from shards {sorted(shards)}")
        self.shards = shards


@dataclass(slots=True)
class _Pending:
    silent: set[int]
    snapshots: dict[str, BurnRateSnapshot] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class ComputeCommands:
    """Commands on their way. A shard has answered once its heartbeat carries the command's id."""

    def __init__(
        self, publisher: Sender, clock: Clock, partitions: int, timeout_seconds: float
    ) -> None:
        self._publisher, self._clock = publisher, clock
        self._partitions, self._timeout_seconds = partitions, timeout_seconds
        self._pending: dict[str, _Pending] = {}

    async def request(self, service_name: str | None) -> list[BurnRateSnapshot]:
        """Return the snapshots made for this command, by service name.

        Raises UnknownOutcomeError where Kafka does not acknowledge the command, and
        SilentShardsError where a shard concerned does not answer in time.
        """
        command = ComputeRequested(uuid4().hex, service_name, self._clock())
        pending = _Pending(self._shards(service_name))
        self._pending[command.command_id] = pending
        try:
            key, value = command.command_id.encode(), encode(command)
            sent = (COMMANDS.name, value, key, None, correlation_headers())
            await self._publisher.send_all([sent])
            async with asyncio.timeout(self._timeout_seconds):
                await pending.answered.wait()
        except TimeoutError:
            raise SilentShardsError(frozenset(pending.silent)) from None
        finally:
            del self._pending[command.command_id]
        return [pending.snapshots[name] for name in sorted(pending.snapshots)]

    def saw_snapshot(self, snapshot: BurnRateSnapshot) -> None:
        """Keep a snapshot that a waiting command asked for."""
        pending = self._pending.get(snapshot.command_id or "")
        if pending:
            pending.snapshots[snapshot.service_name] = snapshot

    def saw_heartbeat(self, heartbeat: ShardHeartbeat) -> None:
        """Note that a shard has answered; its snapshots came before, in the same partition."""
        pending = self._pending.get(heartbeat.command_id or "")
        if pending:
            pending.silent.discard(heartbeat.shard)
            if not pending.silent:
                pending.answered.set()

    def _shards(self, service_name: str | None) -> set[int]:
        if service_name is None:
            return set(range(self._partitions))
        return {shard_of(service_name, self._partitions)}
