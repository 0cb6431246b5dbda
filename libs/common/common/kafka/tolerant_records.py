"""Tolerate what aiokafka cannot decode, so that no batch can stop a partition in silence.

It decodes names of headers strictly inside its record parser: the fetch fails, is repeated for
ever, and what was fetched piles up. Here the batch is read again by aiokafka's parser in Python,
over a buffer that decodes with replacement; all other batches take the fast way as before.

A batch that cannot be decoded at all (a codec that nobody knows, a checksum that does not hold)
would be fetched for ever as well, with the good records before it. Here these are given out, and
the partition is paused at the batch; whoever reads asks for it by `undecodable_batch`.
"""

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, SupportsIndex

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import (
    DefaultRecordBatch,
    _DefaultRecordBatchPy,
    _DefaultRecordPy,
)
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from prometheus_client import Counter

UNREADABLE: Final = Counter(
    "burnline_unreadable_records",
    "Records skipped as nobody can read them, by topic",
    ["topic"],
)

log = structlog.get_logger()


_HEAD: Final = struct.Struct(">qiib")  # offset, length, (epoch or checksum), format
_OLDEST_BYTES: Final = 26  # of the smallest record of format 0
_HEAD_BYTES: Final = 12  # before that which `length` measures
_FORMAT_2: Final = 2  # older formats have no offset of the last record
_LAST_DELTA: Final = struct.Struct(">23xi8xq")  # offset of the last record, newest timestamp
_TIME: Final = struct.Struct(">18xq")  # of format 1
_FORMAT_1: Final = 1
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class UndecodableBatch:
    """A batch that no record can be read from, from `offset` on.

    `position` is where reading stands, before what comes first in it. `next_offset` is behind
    its last record; None where the batch itself does not say so credibly. `timestamp` is that of
    its newest record, in milliseconds; None where it has none.
    """

    position: int
    offset: int
    next_offset: int | None
    timestamp: int | None
    reason: str


def undecodable_batch(consumer: AIOKafkaConsumer, tp: TopicPartition) -> UndecodableBatch | None:
    """Return the batch at which a consumer stands in a partition; None where it reads on.

    The partition is paused there. Resumed, it is fetched again, as after a damage on the way.
    """
    subscription = consumer._subscription  # noqa: SLF001 - no public way
    if not subscription.is_assigned(tp):
        return None
    state = subscription._assigned_state(tp)  # noqa: SLF001
    found: UndecodableBatch | None = getattr(state, "undecodable", None)
    stands = found is not None and state.has_valid_position and state.position == found.position
    return found if stands else None


def log_undecodable(tp: TopicPartition, batch: UndecodableBatch) -> None:
    """Name a batch in the log: where it stands, where it ends, why it cannot be decoded."""
    log.critical(
        "batch_undecodable",
        topic=tp.topic,
        partition=tp.partition,
        offset=batch.offset,
        next_offset=batch.next_offset,
        reason=batch.reason,
    )


def skip_undecodable(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int | None:
    """Skip the batch at which a partition of our own topics stands, as unreadable records are.

    It is logged and counted. Return where reading goes on; None where it stands at no batch, or
    at one that does not say where it ends.
    """
    batch = undecodable_batch(consumer, tp)
    if batch is None or batch.next_offset is None:
        return None
    log_undecodable(tp, batch)
    UNREADABLE.labels(tp.topic).inc(batch.next_offset - batch.offset)
    consumer.seek(tp, batch.next_offset)
    consumer.resume(tp)
    return batch.next_offset


class _Bytes(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Buffer(bytearray):
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Bytes(found) if isinstance(found, bytearray) else found


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Buffer):
            self._buffer = _Buffer(self._buffer)


class _TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches that reach beyond an offset: what was given out before must not come again."""

    def __init__(self, data: bytes, begin_offset: int) -> None:
        super().__init__(data)
        self.data, self._begin_offset = data, begin_offset

    def next_batch(self) -> Any:
        while True:
            data = self._next_slice
            batch = super().next_batch()
            if not isinstance(batch, DefaultRecordBatch):
                return _OldBatch(batch)
            if batch.next_offset > self._begin_offset:
                return _TolerantBatch(data)


class _OldBatch:
    """A batch of format 0 or 1, whose records may lack a timestamp: they count as of now."""

    is_control_batch, is_transactional, producer_id = False, False, None

    def __init__(self, batch: Any) -> None:
        self.validate_crc, self.next_offset = batch.validate_crc, batch.next_offset
        self._batch = batch

    def __iter__(self) -> Iterator[Any]:
        now = time.time_ns() // 1_000_000
        for record in self._batch:
            at, kind = record.timestamp, record.timestamp_type
            dated = now if at is None or at < 0 else at
            yield _DefaultRecordPy(record.offset, dated, kind, record.key, record.value, [])


class _KeptRecords(MemoryRecords):  # type: ignore[misc]
    """The fast parser, which keeps the bytes for the case that it fails."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data

    def next_batch(self) -> Any:
        batch = super().next_batch()
        return _OldBatch(batch) if isinstance(batch, LegacyRecordBatch) else batch


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    undecodable: UndecodableBatch | None = None
    _records: Any
    _records_iterator: Any

    def __init__(self, tp: Any, records: Any, aborted: Any, begin: int, *rest: Any) -> None:
        self._begin_offset = begin
        super().__init__(tp, records, aborted, begin, *rest)

    def __next__(self) -> Any:
        # this is called for every record, so that the usual case is written out
        try:
            return next(self._records_iterator)
        except StopIteration:
            self._records_iterator = None
            raise
        except UnicodeDecodeError:
            # what lies before `next_fetch_offset` has been given out; within the batch it is
            # skipped, but at the end of each batch that offset is set anew
            self._records = _TolerantRecords(self._records.data, self.next_fetch_offset)
            self._records_iterator = self._unpack_records()
            return next(self)
        except Exception as error:  # noqa: BLE001 - each codec has errors of its own
            # what has been given out ends here: the next fetch begins with what fails, if it still
            # does, so that there is no doubt which batch that is
            if self.next_fetch_offset == self._begin_offset:
                self.undecodable = _undecodable(self._records.data, self._begin_offset, error)
            raise StopIteration from None


class _FetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """Stands still at a batch that cannot be decoded, once all before it is given out."""

    def getone(self) -> Any:
        records = self._partition_records
        return self._noted(records, super().getone())

    def getall(self, max_records: int | None = None) -> Any:
        records = self._partition_records
        return self._noted(records, super().getall(max_records))

    def _noted(self, records: Any, found: Any) -> Any:
        if records is not None and records.undecodable is not None:
            state = self._assignment.state_value(self._topic_partition)
            state.undecodable = records.undecodable
            state.pause()
        return found


def _undecodable(data: bytes, position: int, error: Exception) -> UndecodableBatch:
    """Return the batch in fetched bytes that holds what comes next, or begins behind it."""
    text = f"{type(error).__name__}: {error.args[0] if error.args else error}"
    reason = " ".join(text.split())[:_LONGEST_REASON]
    at = 0
    while at + _OLDEST_BYTES <= len(data):
        base, length, _, magic = _HEAD.unpack_from(data, at)
        end, first, next_offset, timestamp = at + _HEAD_BYTES + length, position, base + 1, None
        if magic >= _FORMAT_2 and at + _LAST_DELTA.size <= len(data):
            delta, timestamp = _LAST_DELTA.unpack_from(data, at)
            first, next_offset = max(position, base), base + delta + 1
        elif magic == _FORMAT_1:
            (timestamp,) = _TIME.unpack_from(data, at)
        if next_offset > position:
            # bytes that are wrong may be wrong about their own end: what follows must agree
            follows = _HEAD.unpack_from(data, end)[0] if end + _HEAD.size <= len(data) else None
            is_credible = length > 0 and (follows is None or follows >= next_offset)
            known = next_offset if is_credible else None
            return UndecodableBatch(position, first, known, timestamp, reason)
        if length <= 0:
            break
        at = end
    return UndecodableBatch(position, position, None, None, reason)


def install() -> None:
    """Patch every consumer of this process."""
    fetcher.MemoryRecords = _KeptRecords
    fetcher.PartitionRecords = _PartitionRecords
    fetcher.FetchResult = _FetchResult
