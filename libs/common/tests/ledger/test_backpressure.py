"""Back-pressure touches what is held, and nothing that is paused for another reason."""

from aiokafka import TopicPartition

from common.ledger.read_buffer import Backpressure, LedgerLimits

HELD, LOADING, GONE = (TopicPartition("metrics", shard) for shard in range(3))
LIMITS = LedgerLimits(max_buffered_records=10, max_buffered_bytes=1000)


class Consumer:
    def __init__(self) -> None:
        self.paused = {LOADING}

    def assignment(self) -> set[TopicPartition]:
        return {HELD, LOADING}

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused -= set(partitions)


def test_only_what_is_held_and_still_assigned_is_paused_and_resumed() -> None:
    consumer, pressure = Consumer(), Backpressure(LIMITS)
    pressure.regulate(consumer, [HELD, GONE], (10, 0))
    assert (pressure.paused, consumer.paused) == (True, {HELD, LOADING})
    pressure.regulate(consumer, [HELD, GONE], (4, 0))
    assert (pressure.paused, consumer.paused) == (False, {LOADING})


def test_it_pauses_at_the_bound_and_resumes_below_half_of_it() -> None:
    pressure, consumer = Backpressure(LIMITS), Consumer()
    seen = []
    for buffered in [(9, 999), (10, 0), (5, 0), (4, 500), (4, 499), (9, 999), (0, 1000), (0, 499)]:
        pressure.regulate(consumer, [HELD], buffered)
        seen.append(pressure.paused)
    assert seen == [False, True, True, True, False, False, True, False]


def test_without_a_consumer_nothing_changes() -> None:
    pressure = Backpressure(LIMITS)
    pressure.regulate(None, [HELD], (10, 0))
    assert not pressure.paused
