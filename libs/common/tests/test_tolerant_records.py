"""Header names that are not UTF-8, in batches made by aiokafka's own builder."""

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

import common.kafka  # noqa: F401 - installs the tolerant reading


class NotUtf8(str):
    """A header name as a producer in another language may send it."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("compression", [0, 1])
@pytest.mark.parametrize("start", [0, 2])
def test_every_record_is_read_once_and_in_order(compression: int, start: int) -> None:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 100_000)
    for i in range(6):
        name = NotUtf8("x") if i in {3, 5} else "x"
        builder.append(i, 0, b"k", b"value %d" % i, [(name, b"1")])
    data = bytes(builder.build())
    kept = fetcher.MemoryRecords(data)
    records = fetcher.PartitionRecords(
        TopicPartition("t", 0), kept, [], start, None, None, check_crcs=True, isolation_level=1
    )
    found = [(r.offset, r.value, r.headers[0][0]) for r in records]
    assert [(offset, value) for offset, value, _ in found] == [
        (i, b"value %d" % i) for i in range(start, 6)
    ]
    assert [name for _, _, name in found if name != "x"] == ["\ufffd\ufffd", "\ufffd\ufffd"]
    assert records.next_fetch_offset == 6
