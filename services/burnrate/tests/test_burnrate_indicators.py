"""A service has a stream of counts for each of its indicators; its targets name theirs."""

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from burnrate.domain.objectives import Target
from burnrate.domain.series_index import Origin, SeriesIndex
from burnrate.domain.service_state import Moment, ServiceQuota
from burnrate.evaluation.measuring import Published
from burnrate.evaluation.shard_state import ShardState
from burnrate.evaluation.snapshots import snapshots
from burnrate.ingest.classifier import beyond_quota, classify
from burnrate.ingest.columns import Counted, columns_of
from common.config.clock import to_micros
from common.counts.layout import bucket_of
from common.events import BurnRateSnapshot, IngestCounters, MetricEvent, encode
from common.slo.streams import MAX_INDICATORS
from common.slo.vocabulary import DataStatus, SliType
from common.slo.windows import HOUR
from common.storage.dead_letters import DeadRecord
from tests.reference.records import RULES, SERVICE, event_json, record
from tests.reference.streams import START
from tests.reference.sums import delta_of

REQUESTS = Target("requests", SliType.AVAILABILITY, Decimal("0.99"), 30, id=1)
PAYMENTS = Target("payments", SliType.AVAILABILITY, Decimal("0.9"), 30, id=2, indicator="payments")
SLOW = Target("slow", SliType.LATENCY, Decimal("0.9"), 30, 0.25, id=3, indicator="payments")
QUARTER = replace(PAYMENTS, id=4, name="quarter", window_days=90)


def reported(
    indicator: str = "default", total: int = 10, bad: int = 0, at: datetime = START
) -> MetricEvent:
    return MetricEvent("checkout", at, total=total, bad=bad, indicator=indicator)


def shard(*events: MetricEvent, now: datetime = START) -> ShardState:
    state = ShardState(now)
    state.apply(delta_of(Counted(event, now) for event in events), now)
    return state


def snapshot(state: ShardState, *targets: Target, now: datetime = START) -> BurnRateSnapshot:
    state.assign("checkout", targets)
    moment = Moment(now, 0, 1, now, lagging=False)
    measured = state.measure(Published(), moment)
    [found] = snapshots(state.sources, measured, moment)
    return found


def test_each_objective_counts_its_own_indicator() -> None:
    state = shard(reported(total=100, bad=1), reported("payments", total=7, bad=3))
    found = snapshot(state, REQUESTS, PAYMENTS)
    counted = {slo.name: (slo.indicator, slo.total, slo.bad) for slo in found.slos}
    assert counted == {"requests": ("default", 100, 1), "payments": ("payments", 7, 3)}
    assert found.service_name == "checkout"
    assert found.composite_burn_rate == pytest.approx(3 / 7 / 0.1)


def test_what_names_no_indicator_is_as_if_there_were_none() -> None:
    """The bytes are those that there were before a service had more than one."""
    plain = MetricEvent("checkout", START, total=10, bad=1, event_id="e")
    named = MetricEvent("checkout", START, total=10, bad=1, event_id="e", indicator="default")
    assert encode(named) == encode(plain)
    assert b"indicator" not in encode(plain)
    assert b"indicator" not in encode(snapshot(shard(plain), REQUESTS))
    series = SeriesIndex(["checkout"])
    one, other = (columns_of([(0, Counted(e, START, b"k" * 16))], series) for e in (plain, named))
    assert (one.slot, one.content) == (other.slot, other.content)


def test_an_id_is_of_its_indicator() -> None:
    """Two streams of one sender may count their events alike."""
    keys = set()
    for indicator in ("default", "payments", "search"):
        found = classify(record(event_json(event_id="1", indicator=indicator)), RULES)
        assert isinstance(found, Counted)
        keys.add(found.identity)
    assert len(keys) == 3


def test_the_status_of_a_service_is_that_of_its_worst_indicator_with_a_target() -> None:
    later = START + timedelta(hours=1)
    state = shard(reported("payments"))
    state.apply(delta_of([Counted(reported(at=later), later)]), later)
    assert snapshot(state, REQUESTS, now=later).data_status is DataStatus.OK
    found = snapshot(state, REQUESTS, PAYMENTS, now=later)
    assert found.data_status is DataStatus.STALE
    assert found.newest_at == START
    assert [slo.data_status for slo in found.slos] == [DataStatus.OK, DataStatus.STALE]


def test_a_target_whose_indicator_never_reported_has_no_data() -> None:
    found = snapshot(shard(reported()), REQUESTS, PAYMENTS)
    assert [slo.data_status for slo in found.slos] == [DataStatus.OK, DataStatus.NO_DATA]
    assert found.data_status is DataStatus.NO_DATA


def test_a_service_that_reports_indicators_alone_is_one_service() -> None:
    found = snapshot(shard(reported("payments", bad=1), reported("search")), PAYMENTS)
    assert (found.service_name, found.data_status) == ("checkout", DataStatus.OK)
    assert found.slos[0].bad == 1


def test_a_stream_that_falls_silent_publishes_its_service() -> None:
    state, published = shard(reported(), reported("payments")), Published()
    state.assign("checkout", [REQUESTS, PAYMENTS])
    published.accept(state.measure(published, Moment(START, 0, 1, START, lagging=False)))
    now = START + timedelta(minutes=6)
    state.apply(delta_of([Counted(reported(at=now), now)]), now)
    moment = Moment(now, 0, 1, now, lagging=False)
    measured = state.measure(published, moment)
    [found] = snapshots(state.sources, measured, moment)
    assert found.data_status is DataStatus.STALE
    published.accept(measured)
    assert not len(state.measure(published, moment).services)


def test_what_was_odd_of_any_stream_is_counted_for_the_service() -> None:
    state = shard(reported(), reported("payments"))
    state.table.count_up({"checkout/payments": IngestCounters(duplicates=3)})
    assert snapshot(state, REQUESTS).counters.duplicates == 3


def test_the_history_that_a_target_needs_is_that_of_its_stream() -> None:
    state = shard(reported("payments", total=7, bad=3))
    state.assign("checkout", [REQUESTS, SLOW, QUARTER])
    assert {name: own.deep for name, own in state.missing.items()} == {"checkout/payments": True}
    state.deepen("checkout/payments")
    hour = np.array([bucket_of(to_micros(START), HOUR)])
    state.load_blocks(HOUR, ["checkout/payments"], hour, np.array([[[70, 30, 10]]]))
    state.load_slow_counts("checkout/payments", 0.25, [])
    state.assign("checkout", [REQUESTS, SLOW, QUARTER])
    assert state.missing == {}
    assert snapshot(state, QUARTER).slos[0].total == 70


def test_a_retired_service_leaves_with_all_its_streams() -> None:
    state = ShardState(START, room := ServiceQuota(10))
    events = [reported(), reported("payments"), reported("search")]
    state.apply(delta_of(Counted(event, START) for event in events), START)
    assert (room.taken, room.indicators) == (1, 2)
    state.release("checkout")
    state.apply(delta_of(Counted(e, START) for e in [*events, reported("new")]), START)
    assert (room.taken, room.indicators, len(state.table.numbers)) == (0, 0, 0)
    state.assign("checkout", [PAYMENTS])
    assert state.missing["checkout/payments"].deep
    assert not state.slots.of_service


def test_a_service_has_a_bounded_number_of_indicators() -> None:
    series = SeriesIndex([SERVICE])
    names = [f"{SERVICE}/i{number}" for number in range(MAX_INDICATORS + 1)]
    series.admit(dict.fromkeys(names, Origin()))
    assert [name for name in names if name not in series.index] == names[-1:]
    one = record(event_json(event_id="e", indicator="one-more"))
    found = classify(one, RULES)
    assert isinstance(found, Counted)
    refused = beyond_quota(one, found, indicators=series.is_full(found.event.stream))
    assert (refused.letter.code, refused.letter.field) == ("too_many_indicators", "indicator")


def test_indicators_take_no_place_of_a_service() -> None:
    state = ShardState(START, ServiceQuota(2))
    assert state.table.reserve(["a/1", "a/2", "a/3", "b", "c"]) == ["a/3", "c"]


def test_room_is_reserved_for_a_service_with_its_first_stream() -> None:
    state = ShardState(START, ServiceQuota(1))
    assert state.table.reserve(["a/1", "b/1", "b"]) == ["b/1", "b"]


@pytest.mark.parametrize("name", ["Payments", "", "a/b", "a\n", "x" * 64])
def test_an_indicator_of_another_form_is_refused_by_its_field(name: str) -> None:
    found = classify(record(event_json(event_id="e", indicator=name)), RULES)
    assert isinstance(found, DeadRecord)
    assert (found.letter.field, found.letter.code) == ("indicator", "invalid_indicator")
