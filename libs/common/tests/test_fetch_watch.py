"""A consumer that no broker answers is noticed, one without records or paused is not."""

from typing import Any

from aiokafka import TopicPartition

from common.kafka.fetch_watch import FetchWatch

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)


class Polled:
    """The part of a consumer that is looked at; times are in seconds."""

    def __init__(self) -> None:
        self.answered: dict[TopicPartition, float] = {FIRST: 1_000.0, SECOND: 1_000.0}
        self.held: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return {*self.answered}

    def paused(self) -> set[TopicPartition]:
        return self.held

    def last_poll_timestamp(self, tp: TopicPartition) -> int | None:
        return int(self.answered[tp] * 1000) or None


def watch(now: list[float]) -> tuple[FetchWatch, Any]:
    return FetchWatch(lambda: now[0]), Polled()


def test_one_partition_without_answers_is_enough() -> None:
    now = [1_000.0]
    fetches, polled = watch(now)
    fetches.look(polled)
    now[0] = polled.answered[FIRST] = 1_014.0
    fetches.look(polled)
    assert fetches.failing(15) is None
    now[0] = polled.answered[FIRST] = 1_015.0
    fetches.look(polled)
    assert fetches.failing(15) == "no broker has answered a fetch for 15 s"
    polled.answered[SECOND] = 1_015.0
    fetches.look(polled)
    assert fetches.failing(15) is None


def test_what_is_paused_is_not_fetched_and_begins_anew() -> None:
    now = [1_000.0]
    fetches, polled = watch(now)
    polled.held = {FIRST, SECOND}
    fetches.look(polled)
    now[0] = 1_100.0
    fetches.look(polled)
    assert fetches.failing(15) is None
    polled.held = set()
    fetches.look(polled)
    assert fetches.failing(15) is None
    now[0] = 1_115.0
    assert fetches.failing(15) is not None  # whoever looks no more says nothing new


def test_one_that_never_had_an_answer_is_noticed_too() -> None:
    now = [1_000.0]
    fetches, polled = watch(now)
    polled.answered = {FIRST: 0.0}
    fetches.look(polled)
    now[0] = 1_016.0
    fetches.look(polled)
    assert fetches.failing(15) is not None
    fetches.look(None)
    assert fetches.failing(15) is None
