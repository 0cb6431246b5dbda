"""Tolerate record headers whose names are not UTF-8, so that none can stop a partition.

aiokafka decodes the names strictly inside its record parser: the fetch fails, is repeated for
ever, and what was fetched piles up. Here the batch is read again by aiokafka's parser in Python,
over a buffer that decodes with replacement; all other batches take the fast way as before.
"""

from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


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
        self._begin_offset = begin_offset

    def next_batch(self) -> Any:
        while True:
            data = self._next_slice
            batch = super().next_batch()
            if not isinstance(batch, DefaultRecordBatch):
                return batch
            if batch.next_offset > self._begin_offset:
                return _TolerantBatch(data)


class _KeptRecords(MemoryRecords):  # type: ignore[misc]
    """The fast parser, which keeps the bytes for the case that it fails."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    _records: Any
    _records_iterator: Any

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
            return super().__next__()


def install() -> None:
    """Patch every consumer of this process."""
    fetcher.MemoryRecords = _KeptRecords
    fetcher.PartitionRecords = _PartitionRecords
