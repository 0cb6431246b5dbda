"""Window sums equal brute force over raw events, whatever the stream and however it is cut.

So do the hours in which a service has reported.
"""

from datetime import datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.domain.reported_hours import ReportedHours
from burnrate.domain.service_state import Moment
from burnrate.evaluation.figures import NAMES
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.columns import Counted
from common.events import MetricEvent
from common.slo.vocabulary import WINDOW_DAYS
from common.slo.windows import DAY, HOUR
from tests.reference.brute_force import WINDOWS, end_of_bucket, window_sums
from tests.reference.kept_rows import KeptRows
from tests.reference.shard_checks import (
    COLUMNS,
    TARGETS,
    expected,
    figures,
    measured_counts,
    snapshot_of,
    target,
    with_latency_series,
)
from tests.reference.streams import MICROSECOND, START, Batch, streams
from tests.reference.sums import delta_of
from tests.support.servers.effort import examples

LONGEST = TARGETS[4]


@settings(max_examples=examples(50), deadline=None)
@given(streams())
def test_every_window_equals_brute_force_at_every_step(stream: list[Batch]) -> None:
    state = with_latency_series(stream[0].now)
    seen: list[MetricEvent] = []
    for batch in stream:
        state.apply(delta_of(batch.counted()), batch.now)
        seen += batch.events
        assert figures(state, batch.now) == expected(seen, batch.now)


@settings(max_examples=examples(30), deadline=None)
@given(streams(max_steps=3), st.lists(st.integers(0, 40 * 86_400), min_size=1, max_size=5))
def test_windows_stay_right_while_time_passes_without_events(
    stream: list[Batch], waits: list[int]
) -> None:
    state = with_latency_series(stream[0].now)
    for batch in stream:
        state.apply(delta_of(batch.counted()), batch.now)
    events = [event for batch in stream for event in batch.events]
    now = stream[-1].now
    for seconds in waits:
        now += timedelta(seconds=seconds)
        assert figures(state, now) == expected(events, now)


@settings(max_examples=examples(30), deadline=None)
@given(streams(max_steps=3), st.randoms(use_true_random=False), st.data())
def test_cutting_and_shuffling_a_stream_changes_nothing(
    stream: list[Batch], chance: Random, data: st.DataObject
) -> None:
    now = stream[-1].now
    items = [item for batch in stream for item in batch.counted()]
    whole, cut = with_latency_series(now), with_latency_series(now)
    whole.apply(delta_of(items), now)
    chance.shuffle(items)
    while items:
        size = data.draw(st.integers(1, len(items)))
        cut.apply(delta_of(items[:size]), now)
        items = items[size:]
    assert figures(cut, now) == figures(whole, now)


def sums_of(state: ShardState, name: str, now: datetime) -> list[list[int]]:
    """Return (total, bad) of every window of 90 days' target."""
    state.assign(name, [LONGEST])
    [slot] = state.slots.of_service[state.table.numbers[name]]
    found: list[list[int]] = measured_counts(state, now)[slot].tolist()
    return found


def figures_of(at: datetime, now: datetime) -> dict[str, tuple[int, int]]:
    """Return the sums over every window of 90 days' target after one event of 5 in 9."""
    state = ShardState(min(at, now), is_deep=lambda _: True)
    event = MetricEvent("cart", at, total=9, bad=5)
    state.apply(delta_of([Counted(event, now)]), min(at, now))
    return {n: (t, b) for n, (t, b) in zip(COLUMNS, sums_of(state, "cart", now), strict=True)}


@pytest.mark.parametrize("window", [*WINDOWS, "slo"])
@pytest.mark.parametrize("nudge", [-MICROSECOND, timedelta(), MICROSECOND])
@pytest.mark.parametrize("phase", [0.0, 0.000001, 4.5, 9.999999, 1799.5, 3599.999999])
def test_an_event_leaves_each_window_at_the_edge_of_its_bucket(
    window: str, nudge: timedelta, phase: float
) -> None:
    seconds = {**WINDOWS, "slo": 90 * 86_400}[window]
    now = START + timedelta(seconds=phase)
    length = 10 if seconds <= 3600 else 60 if seconds <= 86_400 else 3600
    edge = end_of_bucket(now, length) - timedelta(seconds=seconds)
    at = edge + nudge
    # the bucket that ends at the edge is out, the one that begins there is in
    counts = (9, 5) if nudge > timedelta() else (0, 0)
    assert figures_of(at, now)[window] == counts
    assert window_sums([MetricEvent("cart", at, total=9, bad=5)], now, seconds) == counts


@pytest.mark.parametrize("phase", [0.0, 0.000001, 5.0, 9.999999])
def test_an_event_ahead_of_now_counts_when_its_bucket_is_reached(phase: float) -> None:
    now = START + timedelta(seconds=phase)
    at = now + timedelta(minutes=5)
    state = ShardState(now, is_deep=lambda _: True)
    state.apply(delta_of([Counted(MetricEvent("cart", at, total=9, bad=5), now)]), now)
    for seconds in range(0, 301, 5):
        then = now + timedelta(seconds=seconds)
        reached = end_of_bucket(at, 10) <= end_of_bucket(then, 10)
        assert sums_of(state, "cart", then)[0] == ([9, 5] if reached else [0, 0])


def test_a_thousand_services_keep_their_counts_apart() -> None:
    state = ShardState(START, is_deep=lambda _: True)
    names = [f"s{i}" for i in range(1000)]
    events = [MetricEvent(name, START, total=i + 1, bad=i) for i, name in enumerate(names)]
    for i in range(0, 1000, 7):  # rings grow while counts are in them
        state.apply(delta_of(Counted(e, START) for e in events[i : i + 7]), START)

    for name in names:
        state.assign(name, [LONGEST])
    counts = measured_counts(state, START)
    for i, name in enumerate(names):
        [slot] = state.slots.of_service[state.table.numbers[name]]
        sums = [[i + 1, i]] * len(NAMES)
        assert counts[slot].tolist() == sums + [[i + 1, 0]] * len(NAMES)


NOON = 500_000  # an hour, counted since 1970
steps = st.lists(
    st.tuples(
        st.sampled_from((0, 1, 1, 1, 2, 24, 167, 700, 2160, 5000)),
        st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 2200)), max_size=6),
    ),
    max_size=12,
)


@settings(max_examples=examples(100), deadline=None)
@given(steps)
def test_each_window_counts_the_hours_that_were_reported_in_it(
    taken: list[tuple[int, list[tuple[int, int]]]],
) -> None:
    reported, now, seen = ReportedHours(), NOON, set[tuple[int, int]]()
    reported.widen(3)
    reported.advance(now)
    for step, reports in taken:
        now += step
        before = reported.count.copy()
        changed = reported.advance(now)
        assert changed.tolist() == (reported.count != before).any(axis=0).tolist()
        hours = [(service, now - ago) for service, ago in reports]
        arrays = np.array(hours, np.int64).reshape(-1, 2).T
        reported.note(arrays[0], arrays[1])
        seen |= {(service, hour) for service, hour in hours if hour > now - 90 * 24}
        for window, days in enumerate(WINDOW_DAYS):
            inside = [own for own, hour in seen if now - days * 24 < hour <= now]
            assert reported.count[window].tolist() == [inside.count(i) for i in range(3)]


def event(hours_ago: int) -> Counted:
    at = START - timedelta(hours=hours_ago)
    return Counted(MetricEvent("cart", at, total=700, bad=1, source="x"), START)


def test_coverage_is_the_share_of_the_window_that_was_reported() -> None:
    state = ShardState(START)
    state.apply(delta_of([event(0)]), START)
    moment = Moment(START, 0, 1, START, lagging=False)
    [first] = snapshot_of(state, "cart", [target("0.999")], moment).slos
    assert (first.reported_seconds, first.coverage_ratio) == (HOUR, 1 / 720)
    state.apply(delta_of(event(ago) for ago in range(720)), START)
    [full] = snapshot_of(state, "cart", [target("0.999")], moment).slos
    assert (full.reported_seconds, full.coverage_ratio) == (30 * DAY, 1.0)


def test_a_silent_service_loses_coverage_hour_by_hour() -> None:
    state = ShardState(START)
    state.apply(delta_of(event(ago) for ago in range(720)), START)
    later = START + timedelta(hours=100)
    moment = Moment(later, 0, 1, later, lagging=False)
    [found] = snapshot_of(state, "cart", [target("0.999")], moment).slos
    assert found.coverage_ratio == pytest.approx(620 / 720)


def test_a_restarted_process_knows_the_hours_that_were_reported() -> None:
    rows = KeptRows()
    rows.add(delta_of(event(ago) for ago in (0, 1, 30, 500)), START)
    state = rows.load(START)
    moment = Moment(START, 0, 1, START, lagging=False)
    [found] = snapshot_of(state, "cart", [target("0.999")], moment).slos
    assert found.reported_seconds == 4 * HOUR
