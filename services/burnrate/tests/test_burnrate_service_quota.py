"""How many services a process holds: new ones beyond it are refused, those it has go on."""

from datetime import timedelta

from burnrate.domain.service_state import ServiceQuota
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.columns import Counted
from burnrate.settings import BurnrateSettings
from burnrate.work import CountingWork
from common.events import MetricEvent
from tests.reference.streams import START
from tests.reference.sums import delta_of
from tests.support.consumer_runtime import consumer_runtime


def count(state: ShardState, *names: str) -> None:
    events = [MetricEvent(name, START, total=1, bad=0) for name in names]
    state.apply(delta_of(Counted(event, START) for event in events), START)


def test_those_that_are_there_have_room_and_new_ones_as_long_as_it_lasts() -> None:
    state = ShardState(START, ServiceQuota(3))
    count(state, "a", "b")
    assert state.table.beyond_quota(["c", "a", "d", "c", "e"]) == ["d", "e"]
    count(state, "c")
    assert state.table.beyond_quota(["a", "b", "c"]) == []
    assert state.table.beyond_quota(["d"]) == ["d"]


def test_all_shards_of_a_process_share_the_room_and_give_it_back() -> None:
    room = ServiceQuota(3)
    one, other = ShardState(START, room), ShardState(START, room)
    count(one, "a", "b")
    count(other, "c")
    assert other.table.beyond_quota(["c", "d"]) == one.table.beyond_quota(["a", "d"]) == ["d"]
    one.table.release()
    assert other.table.beyond_quota(["d", "e", "f"]) == ["f"]


def test_services_beyond_the_room_are_kept_where_they_are_stored_already() -> None:
    """A smaller limit refuses what is new; it does not forget."""
    state = ShardState(START, ServiceQuota(1))
    count(state, "a", "b")
    assert state.table.beyond_quota(["a", "b", "c"]) == ["c"]


def test_a_released_shard_leaves_its_room() -> None:
    runtime = consumer_runtime("burnrate", clock=lambda: START)
    settings = BurnrateSettings(max_services=2)
    work = CountingWork(settings, runtime, timedelta(hours=24))
    work.states[0] = ShardState(START, work.quota)
    count(work.states[0], "a", "b")
    assert work.quota.taken == 2
    work.release(0)
    work.release(0)
    assert work.quota.taken == 0
