"""Header names that are not UTF-8, in batches made by aiokafka's own builder."""

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

import common.kafka.client  # noqa: F401 - installs the tolerant reading


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
        check_crcs=True,
        isolation_level=1,
    )
