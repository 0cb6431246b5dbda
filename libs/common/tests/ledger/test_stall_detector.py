"""The watchdog: which standstill ends a process, and which does not."""

from collections.abc import Mapping

import pytest

from common.ledger.stall_detector import StallDetector, Vitals

STEP = 5.0
STALL = 60.0


class Observed:
    """A consumer of shard 3 that is looked at every five seconds."""

    def __init__(self) -> None:
        self.watchdog = StallDetector(STALL, 2 * STEP)
        self.now_seconds = 1000.0

    def look(  # noqa: PLR0913 - each may differ
        self,
        *,
        consuming: bool = True,
        offset: int | None = 7,
        lag: int | None = 10,
        excuses: Mapping[int, str] | None = None,
        after_seconds: float = STEP,
        assigned: tuple[int, ...] = (3,),
    ) -> str | None:
        self.now_seconds += after_seconds
        return self.watchdog.look(
            Vitals(
                self.now_seconds,
                consuming,
                assigned,
                {} if offset is None else {3: offset},
                {} if lag is None else {3: lag},
                excuses or {},
            )
        )


@pytest.fixture
def observed() -> Observed:
    return Observed()


def test_a_shard_that_is_behind_and_does_not_move_ends_the_process(observed: Observed) -> None:
    assert observed.look() is None
    assert [observed.look() for _ in range(11)] == [None] * 11
    assert observed.look() == "shard 3 is 10 records behind and has not moved for 60 s"


def test_any_progress_begins_the_count_anew(observed: Observed) -> None:
    for offset in range(7, 10):
        assert [observed.look(offset=offset) for _ in range(12)] == [None] * 12
    assert observed.look(offset=9) is not None


def test_an_idle_shard_may_stand_for_ever(observed: Observed) -> None:
    assert [observed.look(lag=0) for _ in range(100)] == [None] * 100


def test_a_lag_that_is_not_known_is_none(observed: Observed) -> None:
    assert [observed.look(lag=None) for _ in range(100)] == [None] * 100


def test_a_consume_loop_that_has_ended_is_seen_at_once(observed: Observed) -> None:
    assert observed.look(consuming=False, lag=0) == "the consume loop has ended"


def test_a_shard_that_is_never_acquired_ends_the_process(observed: Observed) -> None:
    assert [observed.look(offset=None, lag=None) for _ in range(12)] == [None] * 12
    found = observed.look(offset=None, lag=None)
    assert found == "shard 3 is ours and was not acquired for 60 s"


def test_a_shard_that_is_not_ours_is_none_of_our_business(observed: Observed) -> None:
    assert [observed.look(offset=None, assigned=()) for _ in range(100)] == [None] * 100


@pytest.mark.parametrize("offset", [None, 7])
def test_a_known_reason_excuses_for_as_long_as_it_holds(
    observed: Observed, offset: int | None
) -> None:
    away = {3: "connection refused"}
    assert [observed.look(offset=offset, excuses=away) for _ in range(100)] == [None] * 100
    assert [observed.look(offset=offset) for _ in range(11)] == [None] * 11
    assert observed.look(offset=offset) is not None


def test_another_shards_reason_excuses_nothing(observed: Observed) -> None:
    found = [observed.look(excuses={4: "connection refused"}) for _ in range(13)]
    assert found[-1] is not None


def test_time_in_which_the_process_itself_was_frozen_does_not_count(observed: Observed) -> None:
    observed.look()
    assert observed.look(after_seconds=3600) is None
    assert observed.look() is None


def test_a_shard_that_went_and_came_back_is_given_its_time(observed: Observed) -> None:
    for _ in range(10):
        observed.look()
    assert observed.look(assigned=(), offset=None) is None
    assert [observed.look() for _ in range(12)] == [None] * 12


def test_giving_a_shard_up_and_taking_it_again_is_no_progress(observed: Observed) -> None:
    looks: list[dict[str, int | None]] = [{}, {"offset": None, "lag": None}, {"lag": None}]
    found = [observed.look(**looks[i % 3]) for i in range(30)]  # type: ignore[arg-type]
    assert any(found)
