"""Cutting batches into runs and keeping them, against one record at a time."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from common.kafka.client import Record
from common.ledger.read_buffer import Run, ShardBuffer, runs, size_bytes
from tests.support import kafka_records

TOPICS = ("metrics", "history")


def record(topic: str, shard: int, offset: int, value: bytes | None = b"value") -> Record:
    return kafka_records.record(topic, value, partition=shard, offset=offset, key=None)


# neighbours: topic, shard, and how many records
STRETCHES = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 2), st.integers(1, 5)), max_size=8
)


@given(STRETCHES)
def test_runs_are_the_neighbours_of_one_topic_and_shard(
    stretches: list[tuple[str, int, int]],
) -> None:
    batch = [record(t, s, offset) for t, s, count in stretches for offset in range(count)]
    found = [(run.topic, run.shard, list(run.records)) for run in runs(batch)]
    by_hand = groupby(batch, lambda r: (r.topic, r.partition))
    assert found == [(topic, shard, list(own)) for (topic, shard), own in by_hand]


@given(st.sets(st.integers(0, 50), min_size=1), st.integers(0, 60))
def test_what_is_read_already_is_cut_off(offsets: set[int], next_offset: int) -> None:
    run = Run("metrics", 0, [record("metrics", 0, offset) for offset in sorted(offsets)])
    found = [r.offset for r in run.from_offset(next_offset)]
    assert found == [offset for offset in sorted(offsets) if offset >= next_offset]


@given(STRETCHES, st.integers(1, 7), st.lists(st.booleans()))
def test_a_buffer_gives_back_all_in_order_in_flushes_that_are_not_too_large(
    stretches: list[tuple[str, int, int]], most: int, flush_after: list[bool]
) -> None:
    buffer, applied = ShardBuffer(dict.fromkeys(TOPICS, 0), most), []
    added = []

    def flush() -> None:
        head = buffer.head()
        taken = [r for run in head for r in run.records]
        assert len(taken) <= most
        assert bool(taken) == (buffer.records > 0)
        applied.extend(taken)
        buffer.drop(len(head))

    for i, (topic, _, count) in enumerate(stretches):
        start = buffer.next_offsets[topic]
        records = [record(topic, 0, start + k, b"x" * (i + k)) for k in range(count)]
        buffer.add(Run(topic, 0, records))
        added += records
        if i < len(flush_after) and flush_after[i]:
            flush()
        waiting = added[len(applied) :]
        assert (buffer.records, buffer.size_bytes) == (len(waiting), size_bytes(waiting))
        assert buffer.next_offsets[topic] == start + count
    while buffer.records:
        flush()
    assert applied == added
    assert (buffer.size_bytes, buffer.head()) == (0, [])


def test_the_bytes_are_those_of_keys_and_values() -> None:
    keyed = kafka_records.record("metrics", b"value", key=b"key")
    assert size_bytes([keyed, keyed]) == 16
    assert size_bytes([]) == 0
