"""What a client meets in logs of others, in batches made by aiokafka's own builders."""

import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.legacy_records import _LegacyRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

import common.kafka.client  # noqa: F401 - installs the tolerant reading

SENT = 1_700_000_000_000


class NotUtf8(str):
    """A header name as a producer in another language may send it."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("compression", [0, 1])
@pytest.mark.parametrize("start", [0, 2])
def test_every_record_is_read_once_and_in_order(compression: int, start: int) -> None:
    data = batch(0, 6, {3, 5}, compression)
    records = reading(data, start)
    found = [(r.offset, r.value, r.headers[0][0]) for r in records]
    assert [(offset, value) for offset, value, _ in found] == [
        (i, b"value %d" % i) for i in range(start, 6)
    ]
    assert [name for _, _, name in found if name != "x"] == ["\ufffd\ufffd", "\ufffd\ufffd"]
    assert records.next_fetch_offset == 6


@pytest.mark.parametrize("odd", [{7}, {0, 7}, {4, 11}, {11}])
def test_batches_before_it_do_not_come_again(odd: set[int]) -> None:
    data = b"".join(batch(base, 3, odd) for base in (0, 3, 6, 9))
    records = reading(data, 1)
    assert [r.offset for r in records] == list(range(1, 12))
    assert records.next_fetch_offset == 12


def with_codec(codec: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[22] = data[22] & ~7 | codec
        seal(data)

    return change


def seal(data: bytearray) -> None:
    """Let the checksum hold for what the batch is now."""
    data[17:21] = struct.pack(">I", calc_crc32c(bytes(data[21:])))


def flip_a_byte(data: bytearray) -> None:
    data[-1] ^= 0xFF


def lose_a_record(data: bytearray) -> None:
    data[57:61] = struct.pack(">i", 2)  # fewer records than there are
    seal(data)


DAMAGE = {
    "a codec that nobody knows": (with_codec(6), 3, "UnsupportedCodecError"),
    "gzip that is none": (with_codec(1), 3, "BadGzipFile"),
    "snappy that is none": (with_codec(2), 3, "Error"),
    "lz4 that is none": (with_codec(3), 3, "Error"),
    "zstd that is none": (with_codec(4), 3, "Error"),
    "a checksum that does not hold": (flip_a_byte, 3, "CorruptRecordException: Invalid CRC"),
    "records beyond its own count": (lose_a_record, 5, "CorruptRecordException"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_stands_before_an_undecodable_batch_is_read_and_the_batch_is_named(
    damage: str,
) -> None:
    change, offset, reason = DAMAGE[damage]
    bad = bytearray(batch(3, 3, set()))
    change(bad)
    records = reading(batch(0, 3, set()) + bad + batch(6, 3, set()), 0)
    assert [r.offset for r in records] == list(range(offset))
    again: Any = reading(bytes(bad) + batch(6, 3, set()), offset)
    assert list(again) == []
    assert reason in again.undecodable.reason
    assert (again.undecodable.position, again.undecodable.offset) == (offset, offset)
    assert again.undecodable.next_offset == 6
    assert again.undecodable.timestamp == 0


def test_a_batch_that_is_read_whole_before_it_fails_stops_nothing() -> None:
    bad = bytearray(batch(0, 3, set()))
    bad[57:61] = struct.pack(">i", 4)  # it says that there is one more
    seal(bad)
    records: Any = reading(bytes(bad) + batch(3, 3, set()), 0)
    assert [r.offset for r in records] == [0, 1, 2]
    assert records.undecodable is None
    assert records.next_fetch_offset == 3


def test_a_batch_that_lies_about_its_end_has_none() -> None:
    bad = bytearray(batch(3, 3, set()))
    bad[23:27] = struct.pack(">i", 1_000)  # of which no checksum knows any more
    records: Any = reading(bytes(bad) + batch(6, 3, set()), 3)
    assert list(records) == []
    assert (records.undecodable.offset, records.undecodable.next_offset) == (3, None)


# lz4 came with the second of them
@pytest.mark.parametrize(
    ("magic", "compression"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)]
)
def test_every_record_of_an_old_format_is_read_once(magic: int, compression: int) -> None:
    builder = _LegacyRecordBatchBuilderPy(magic, compression, 100_000)
    for offset in range(4):
        builder.append(offset, SENT, None if offset == 2 else b"k", b"%d" % offset)
    data = bytes(builder.build())
    found = [*reading(data, 0)]
    keys = [b"k", b"k", None, b"k"]
    assert [(r.offset, r.key, r.value) for r in found] == [
        (offset, key, b"%d" % offset) for offset, key in enumerate(keys)
    ]
    # format 0 has no timestamps: what comes of it is dated when it is read
    assert all(abs(r.timestamp - (SENT if magic else time.time() * 1000)) < 60_000 for r in found)


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("compression", [0, 1])
def test_a_damaged_batch_of_an_old_format_is_named(magic: int, compression: int) -> None:
    builder = _LegacyRecordBatchBuilderPy(magic, compression, 100_000)
    for offset in range(4):
        builder.append(offset, SENT, b"k", b"%d" % offset)
    bad = bytearray(builder.build())
    bad[-1] ^= 0xFF
    whole = compression != 0
    if whole:
        bad[:8] = (3).to_bytes(8, "big")  # the broker gives it the offset of its last record
    records: Any = reading(bytes(bad), 0)
    given = len(list(records))
    assert given == (0 if whole else 3)
    again: Any = reading(bytes(bad if whole else bad[len(bad) // 4 * 3 :]), given)
    assert list(again) == []
    assert (again.undecodable.offset, again.undecodable.next_offset) == (given, 4)


def batch(base: int, count: int, odd: set[int], compression: int = 0) -> bytes:
    """Return a batch as Kafka stores it; the odd offsets have a header name that is not UTF-8."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 100_000)
    for i in range(count):
        name = NotUtf8("x") if base + i in odd else "x"
        builder.append(i, 0, b"k", b"value %d" % (base + i), [(name, b"1")])
    data = builder.build()
    data[:8] = base.to_bytes(8, "big")  # Kafka sets the base offset, which no checksum covers
    return bytes(data)


def reading(data: bytes, start: int) -> fetcher.PartitionRecords:
    """Return the records of a fetch from an offset on."""
    return fetcher.PartitionRecords(
        TopicPartition("t", 0),
        fetcher.MemoryRecords(data),
        [],
        start,
        None,
        None,
        True,  # noqa: FBT003 - as the fetcher calls it
        1,
    )
