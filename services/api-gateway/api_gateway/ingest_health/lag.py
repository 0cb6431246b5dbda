"""How far the consumers of events are behind: their ledgers against the ends of the logs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from aiokafka import TopicPartition

from api_gateway.ingest_health.domain import OutboxBacklog, ShardPosition
from api_gateway.ingest_health.repository import IngestStore
from api_gateway.ingest_health.schemas import (
    LagAnswer,
    OutboxLagAnswer,
    ShardLagAnswer,
    UndecodableAnswer,
)
from common.config.clock import Clock
from common.kafka.log_ends import LogEnd
from common.kafka.topics import CHANGES, HISTORY, METRICS
from common.ledger.shard import NEVER

INPUTS: Final = {METRICS.name: "burnrate", HISTORY.name: "burnrate", CHANGES.name: "gate"}
"""Which consumer applies a topic."""
KEPT_SECONDS: Final = 1.0

LogEnds = Callable[
    [Sequence[str], Mapping[TopicPartition, int]], Awaitable[Mapping[TopicPartition, LogEnd]]
]


class LagReader:
    """Measures lag; those who ask at the same time share one measurement."""

    def __init__(self, store: IngestStore, log_ends: LogEnds, clock: Clock) -> None:
        self._store, self._log_ends, self._clock = store, log_ends, clock
        self._measuring = asyncio.Lock()
        self._last: LagAnswer | None = None

    async def measure(self) -> LagAnswer:
        """Return the lag of at most KEPT_SECONDS ago; KafkaError or TimeoutError without Kafka."""
        async with self._measuring:
            now = self._clock()
            if self._last and (now - self._last.measured_at).total_seconds() < KEPT_SECONDS:
                return self._last
            async with self._store.read() as reader:
                positions, backlogs = await reader.positions(), await reader.outboxes()
            held = {(TopicPartition(p.topic, p.shard), p.service): p for p in positions}
            next_offsets = {tp: p.next_offset for (tp, _), p in held.items()}
            ends = await self._log_ends(tuple(INPUTS), next_offsets)
            now = self._clock()
            shards = [
                _lag(tp, end, held.get((tp, INPUTS[tp.topic])), now)
                for tp, end in sorted(ends.items())
            ]
            self._last = LagAnswer.of(shards, [_outbox_lag(each, now) for each in backlogs], now)
            return self._last


def _lag(
    tp: TopicPartition, end: LogEnd, held: ShardPosition | None, now: datetime
) -> ShardLagAnswer:
    # what no shard has acquired yet is still to come as a whole
    next_offset = end.first_offset if held is None else held.next_offset
    behind = max(0, end.end_offset - next_offset)
    applied = None if held is None or held.applied_through <= NEVER else held.applied_through
    return ShardLagAnswer(
        service=INPUTS[tp.topic],
        topic=tp.topic,
        shard=tp.partition,
        owner=held.owner if held else None,
        epoch=held.epoch if held else None,
        next_offset=next_offset,
        stable_offset=end.stable_offset,
        end_offset=end.end_offset,
        lag_records=behind,
        lag_seconds=_seconds(end, now) if behind else 0.0,
        applied_through=applied,
        undecodable=end.undecodable and UndecodableAnswer.model_validate(end.undecodable),
    )


def _seconds(end: LogEnd, now: datetime) -> float | None:
    oldest = end.oldest_waiting_at
    return None if oldest is None else max(0.0, (now - oldest).total_seconds())


def _outbox_lag(backlog: OutboxBacklog, now: datetime) -> OutboxLagAnswer:
    since = backlog.oldest_at or now
    seconds = max(0.0, (now - since).total_seconds())
    return OutboxLagAnswer(service=backlog.service, waiting=backlog.waiting, lag_seconds=seconds)
