"""Buffer records that are read from Kafka and not applied yet, up to a limit.

This runs for every record, so that the loops are left to C. At the limit reading pauses; paused
partitions stay assigned and the client goes on sending heartbeats, so that a slow process keeps
its place in the group.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from common.kafka.client import Record

log = structlog.get_logger()

_offset = attrgetter("offset")
_partition = attrgetter("partition")
_topic = attrgetter("topic")
_key_size = attrgetter("serialized_key_size")
_value_size = attrgetter("serialized_value_size")


@dataclass(frozen=True, slots=True)
class LedgerLimits:
    """Limits of one transaction, and of all records that wait in the process."""

    max_flush_records: int = 20_000
    max_buffered_records: int = 100_000
    max_buffered_bytes: int = 64 * 1024 * 1024  # keys and values


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive records of one topic and shard, by rising offset."""

    topic: str
    shard: int
    records: Sequence[Record]

    def from_offset(self, offset: int) -> Sequence[Record]:
        """Return the records at that offset and after it."""
        if self.records[0].offset >= offset:
            return self.records
        return self.records[bisect_left(self.records, offset, key=_offset) :]


def runs(records: Sequence[Record]) -> Iterator[Run]:
    """Split a batch into its runs of one partition."""
    for shard, of_shard in groupby(records, _partition):
        for topic, of_topic in groupby(of_shard, _topic):
            yield Run(topic, shard, list(of_topic))


def size_bytes(records: Sequence[Record]) -> int:
    """Return the bytes of keys and values; a missing one counts as -1, as the client has it."""
    total: int = sum(map(_value_size, records)) + sum(map(_key_size, records))
    return total


class ShardBuffer:
    """Buffer the records of one shard, in pieces of at most one flush."""

    def __init__(self, next_offsets: Mapping[str, int], max_flush_records: int) -> None:
        self.next_offsets = dict(next_offsets)  # by topic, the first offset that is not read yet
        self.records = 0
        self.size_bytes = 0
        self._max_flush_records = max_flush_records
        self._pieces: deque[tuple[Run, int]] = deque()

    def add(self, run: Run) -> None:
        """Keep a run, which begins at `next_offsets` or beyond."""
        most = self._max_flush_records
        for start in range(0, len(run.records), most):
            piece = Run(run.topic, run.shard, run.records[start : start + most])
            size = size_bytes(piece.records)
            self._pieces.append((piece, size))
            self.records += len(piece.records)
            self.size_bytes += size
        self.next_offsets[run.topic] = run.records[-1].offset + 1

    def head(self) -> list[Run]:
        """Return the oldest runs, together at most one flush; they stay until `drop`."""
        found: list[Run] = []
        count = 0
        for piece, _ in self._pieces:
            count += len(piece.records)
            if found and count > self._max_flush_records:
                break
            found.append(piece)
        return found

    def drop(self, runs: int) -> None:
        """Forget the oldest runs: they are applied."""
        for _ in range(runs):
            piece, size = self._pieces.popleft()
            self.records -= len(piece.records)
            self.size_bytes -= size


class Backpressure:
    """Pause reading at the limit, until half of it is applied."""

    def __init__(self, limits: LedgerLimits) -> None:
        self.paused = False
        self._limits = limits

    def regulate(
        self,
        consumer: AIOKafkaConsumer | None,
        held: Collection[TopicPartition],
        buffered: tuple[int, int],
    ) -> None:
        """Pause or resume the partitions that are held, by the records and bytes that wait.

        A partition that is assigned and not held yet is paused for that reason; it is none of
        `held`, and whoever comes to hold it looks at `paused` before it is resumed.
        """
        records, size_bytes = buffered
        fill = max(
            records / self._limits.max_buffered_records,
            size_bytes / self._limits.max_buffered_bytes,
        )
        if self.paused == (fill >= (0.5 if self.paused else 1.0)) or consumer is None:
            return
        self.paused = not self.paused
        log.info("reading", paused=self.paused, records=records, size_bytes=size_bytes)
        partitions = consumer.assignment() & set(held)
        (consumer.pause if self.paused else consumer.resume)(*partitions)
