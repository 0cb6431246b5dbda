"""How far figures can be trusted: each state at its edge, and how rare reports may be."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.domain.objectives import STATUSES, Target, service_statuses, slo_statuses
from burnrate.domain.service_state import Moment, ServiceQuota, StreamTable
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.columns import Counted
from common.config.clock import from_micros
from common.events import BurnRateSnapshot, IngestCounters, Latency, MetricEvent
from common.slo.freshness import UNTRUSTED, resolution_of, stale_after_seconds
from common.slo.vocabulary import DataStatus, SliType
from tests.reference.shard_checks import snapshot_of, target
from tests.reference.streams import MICROSECOND, START
from tests.reference.sums import delta_of
from tests.support.servers.effort import examples

MINUTE = timedelta(minutes=1)
STATES = [*UNTRUSTED, DataStatus.NO_TRAFFIC]


def state_of(*events: MetricEvent) -> ShardState:
    state = ShardState(START)
    state.apply(delta_of(Counted(event, START) for event in events), START)
    return state


def snapshot(
    state: ShardState, after: timedelta, *targets: Target, lagging: bool = False
) -> BurnRateSnapshot:
    now = START + after
    moment = Moment(now, 0, 1, now, lagging)
    return snapshot_of(state, "cart", targets or [target()], moment)


def event(age: timedelta = timedelta(), total: int = 5, window_seconds: int = 10) -> MetricEvent:
    return MetricEvent("cart", START - age, total=total, bad=0, window_seconds=window_seconds)


def test_the_first_state_that_applies_holds() -> None:
    """All combinations of (unseen, lagging, saturated, stale, no traffic)."""
    for number in range(32):
        unseen, lagging, full, stale, quiet = (bool(number >> bit & 1) for bit in range(5))
        given = zip(STATES, (unseen, lagging, full, stale, quiet), strict=True)
        expected = next((state for state, holds in given if holds), DataStatus.OK)
        [found] = service_statuses(
            np.array([not unseen]),
            np.array([stale]),
            np.array([full]),
            np.array([0 if quiet else 1]),
            lagging=lagging,
        )
        assert STATUSES[found] is expected


@pytest.mark.parametrize("status", list(DataStatus))
@pytest.mark.parametrize(("slo_total", "recent"), [(0, 0), (9, 0), (9, 9)])
def test_an_objective_is_no_better_than_its_service(
    status: DataStatus, slo_total: int, recent: int
) -> None:
    given = np.array([STATUSES.index(status)])
    found = STATUSES[slo_statuses(given, np.array([slo_total]), np.array([recent]))[0]]
    if status in UNTRUSTED:
        assert found is status
    elif recent:
        assert found is DataStatus.OK
    elif slo_total or status is DataStatus.NO_TRAFFIC:
        assert found is DataStatus.NO_TRAFFIC
    else:
        assert found is DataStatus.NO_DATA  # requests, but none that this objective can classify


@pytest.mark.parametrize(
    ("window_seconds", "stale_after"),
    [(10, 300), (100, 300), (101, 303), (300, 900), (3600, 10_800)],
)
def test_data_are_stale_after_three_reports_and_no_sooner_than_five_minutes(
    window_seconds: int, stale_after: int
) -> None:
    state = state_of(event(window_seconds=window_seconds))
    edge = timedelta(seconds=stale_after)
    assert snapshot(state, edge).stale_after_seconds == stale_after
    assert snapshot(state, edge).data_status is not DataStatus.STALE
    assert snapshot(state, edge + MICROSECOND).data_status is DataStatus.STALE
    assert stale_after_seconds(window_seconds) == stale_after


def test_traffic_ends_where_the_shortest_window_is_empty() -> None:
    state = state_of(event(window_seconds=120))
    # the bucket that ends at START is in a window of 300 s until the one that ends 290 s later
    assert snapshot(state, timedelta(seconds=290)).data_status is DataStatus.OK
    later = snapshot(state, timedelta(seconds=290) + MICROSECOND)
    assert (later.data_status, later.slos[0].data_status) == (DataStatus.NO_TRAFFIC,) * 2
    assert later.stale_after_seconds == 360


def test_reports_of_nothing_are_no_traffic_and_silence_is_stale() -> None:
    state = state_of(event(total=0))
    assert snapshot(state, timedelta()).data_status is DataStatus.NO_TRAFFIC
    assert snapshot(state, timedelta(hours=1)).data_status is DataStatus.STALE


def test_lagging_hides_staleness_and_nothing_hides_that_nothing_came() -> None:
    assert snapshot(state_of(event()), timedelta(hours=1), lagging=True).data_status == "lagging"
    unseen = snapshot(ShardState(START), timedelta(), lagging=True)
    assert (unseen.data_status, unseen.newest_at, unseen.slos[0].data_status) == (
        DataStatus.NO_DATA,
        None,
        DataStatus.NO_DATA,
    )


def test_an_event_ahead_of_now_is_not_stale() -> None:
    state = state_of(event(timedelta(minutes=-5)))
    assert snapshot(state, timedelta()).data_status is DataStatus.NO_TRAFFIC
    assert snapshot(state, timedelta(minutes=5)).data_status is DataStatus.OK


def test_a_latency_objective_without_histograms_has_no_data_of_its_own() -> None:
    state = ShardState(START)
    state.load_slow_counts("cart", 0.5, [])
    slow = target("0.9", sli_type=SliType.LATENCY, threshold_seconds=0.5)
    state.apply(delta_of([Counted(event(), START)]), START)
    first, second = snapshot(state, timedelta(), target("0.9999"), slow).slos
    assert (first.data_status, second.data_status) == (DataStatus.OK, DataStatus.NO_DATA)
    assert (second.total, second.coverage_ratio, second.composite_burn_rate) == (0, 0.0, 0.0)
    timed = MetricEvent("cart", START, total=5, bad=0, latency=Latency((0.5,), (4, 1)))
    state.apply(delta_of([Counted(timed, START)]), START)
    [_, second] = snapshot(state, timedelta(), target("0.9999"), slow).slos
    assert (second.data_status, second.total, second.recent.coverage_ratio) == (
        DataStatus.OK,
        5,
        0.5,
    )
    # its own share of the traffic may have ended while the service's goes on
    later = timedelta(minutes=10)
    state.apply(delta_of([Counted(event(-later), START + later)]), START + later)
    found = snapshot(state, later, target("0.9999"), slow)
    assert [s.data_status for s in found.slos] == [DataStatus.OK, DataStatus.NO_TRAFFIC]


def reports(seconds: int, *, since: int, until: int = 0) -> list[MetricEvent]:
    """Return reports of one length, one after the other, from minutes ago to minutes ago."""
    step = max(1, seconds // 60)
    return [event(age * MINUTE, window_seconds=seconds) for age in range(until, since, step)]


@pytest.mark.parametrize(
    ("events", "resolution"),
    [
        (reports(900, since=60), 900),
        # one odd report among others, long or short, in a minute of theirs or of its own
        ([*reports(10, since=60), event(window_seconds=3600)], 10),
        ([*reports(10, since=60), *reports(3600, since=180)], 10),
        ([*reports(900, since=180), event(7 * MINUTE)], 900),
        ([*reports(3600, since=180), event()], 3600),
        ([event(MINUTE), event(window_seconds=3600)], 3600),
        # what is more than three hours older than the newest report says nothing
        ([*reports(10, since=360, until=180), *reports(300, since=60)], 300),
    ],
)
def test_who_reports_most_often_sets_the_lengths(
    events: list[MetricEvent], resolution: int
) -> None:
    found = snapshot(state_of(*events), timedelta())
    assert found.resolution_seconds == resolution
    assert found.short_window_seconds == max(300, 2 * resolution)
    assert found.stale_after_seconds == max(300, 3 * resolution)
    short = found.slos[0].windows["5m"]
    assert short.window_seconds == found.short_window_seconds


def test_a_lone_source_of_long_reports_does_not_hide_that_the_others_have_stopped() -> None:
    often, seldom = reports(10, since=180, until=20), reports(3600, since=180)
    found = snapshot(state_of(*often, *seldom), timedelta())
    assert found.data_status is DataStatus.STALE
    assert (found.resolution_seconds, found.stale_after_seconds) == (10, 300)
    assert found.newest_at == START - 20 * MINUTE
    back = snapshot(state_of(*often, *seldom, event(2 * MINUTE)), timedelta())
    assert (back.data_status, back.newest_at) == (DataStatus.OK, START - 2 * MINUTE)


def test_who_is_left_sets_the_lengths_once_the_others_have_been_silent_for_three_hours() -> None:
    state = state_of(*reports(10, since=240, until=180), *reports(3600, since=180))
    found = snapshot(state, timedelta())
    assert (found.data_status, found.resolution_seconds) == (DataStatus.OK, 3600)


def test_reports_of_lengths_that_waver_are_all_of_one_source() -> None:
    lengths = [(59, 60, 61, 300)[i % 4 if i < 20 else i % 3] for i in range(60)]
    events = [event(i * MINUTE, window_seconds=n) for i, n in enumerate(reversed(lengths))]
    found = snapshot(state_of(*events), timedelta())
    assert (found.resolution_seconds, found.newest_at) == (60, START)


def test_the_hours_are_those_before_the_newest_minute_and_not_before_now() -> None:
    """A service that has ended keeps the lengths of its windows, for as long as kept."""
    state = state_of(event(window_seconds=900))
    for hours in (1, 24, 47):
        assert snapshot(state, timedelta(hours=hours)).resolution_seconds == 900
    edge = timedelta(hours=48)
    assert snapshot(state, edge - MINUTE).resolution_seconds == 900
    assert snapshot(state, edge).resolution_seconds == 10


def test_late_reports_do_not_move_the_hours() -> None:
    state = state_of(event())
    state.apply(delta_of([Counted(event(timedelta(hours=3), window_seconds=3600), START)]), START)
    assert snapshot(state, timedelta()).resolution_seconds == 10


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from((10, 60, 100, 300, 3600)))), st.data()
)
def test_the_usual_report_equals_brute_force(
    reports: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Minutes in any order and cut in any way; service 0 keeps apart from its neighbour."""
    table, first = StreamTable(ServiceQuota(2)), 10_000
    table.add("cart"), table.add("other")
    table.advance(first + 400)
    rest = list(reports)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        minutes = np.array([first + minute for minute, _ in rest[:size]])
        seconds = np.array([length for _, length in rest[:size]])
        table.report(np.zeros(size, np.int64), minutes, seconds)
        table.seen(np.array([0]), np.array([minutes.max() * MINUTE // MICROSECOND]))
        rest = rest[size:]
    shortest = {m: min(s for at, s in reports if at == m) for m, _ in reports}
    newest = max(shortest, default=0)
    recent = {minute: s for minute, s in shortest.items() if minute > newest - 180}
    expected = resolution_of([*recent.values()]) if recent else 10
    assert table.resolution_seconds[:2].tolist() == [expected, 10]
    usual = [minute for minute, seconds in recent.items() if seconds <= 2 * expected]
    last = from_micros((first + max(usual)) * MINUTE // MICROSECOND) if usual else None
    assert table.newest_at(0) == last


def test_counters_and_newest_time_only_grow() -> None:
    state = state_of(event())
    for _ in range(2):
        old = delta_of([Counted(event(timedelta(hours=1)), START, misrouted=True)])
        odd = IngestCounters(2, 1, 1, 1)
        state.apply(replace(old, counters={"cart": odd}), START)
    found = snapshot(state, timedelta())
    assert found.newest_at == START
    assert found.counters == IngestCounters(4, 2, 2, 2)
