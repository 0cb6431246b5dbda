"""Counts as large as an event may have, as often as anyone sends them: sums stop, work goes on."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from burnrate.domain.service_state import Moment
from burnrate.evaluation.shard_state import ShardState
from burnrate.ingest.columns import Counted
from common.counts.layout import SUM_LIMIT, unpacked
from common.events import Latency, MetricEvent
from common.slo.vocabulary import DataStatus
from tests.reference.kept_rows import KeptRows
from tests.reference.shard_checks import (
    THRESHOLD,
    figures,
    snapshot_of,
    target,
    with_latency_series,
)
from tests.reference.streams import START, STREAMS
from tests.reference.sums import delta_of

NAME = STREAMS[0]
MOST = SUM_LIMIT


def huge(minutes: int, bound: float = 1.0) -> MetricEvent:
    """Return an event of the most requests, all of them bad and slow."""
    at = START - timedelta(minutes=minutes)
    latency = Latency((THRESHOLD, bound), (0, 0, MOST))
    return MetricEvent(NAME, at, total=MOST, bad=MOST, latency=latency)


def test_the_limit_is_the_largest_count_of_an_event() -> None:
    assert MOST == 2**53 - 1


@pytest.mark.parametrize("spread_minutes", [0, 1, 60])
def test_two_thousand_huge_events_do_not_wrap(spread_minutes: int) -> None:
    """Without a limit sums would pass 2^63: a negative total here, a refused batch in the rows."""
    events = [huge(n * spread_minutes, 1.0 + n) for n in range(2000)]
    items = [Counted(event, START) for event in events]
    state, rows = with_latency_series(START), KeptRows()
    for part in (items[:1500], items[1500:], items):
        sums = delta_of(part)
        rows.add(sums, START)
        state.apply(sums, START)
    reloaded = rows.load(START)
    for name in STREAMS:
        rows.load_slow_counts(reloaded, name, THRESHOLD, START)
    assert figures(reloaded, START) == figures(state, START)
    for sums_of in figures(state, START)[NAME].sums.values():
        assert set(sums_of.values()) <= {(MOST, MOST), (MOST, 0)}  # none is uncertain
    stored = np.concatenate([unpacked(packed) for packed in rows.blocks.values()])
    assert stored.min() >= 0
    assert stored.max() == MOST


def test_sums_that_have_stopped_say_so_until_what_was_too_much_has_left() -> None:
    """A small total would hide behind the limit, and its errors with it."""
    state = ShardState(START)
    state.apply(delta_of([Counted(MetricEvent(NAME, START, total=MOST - 8, bad=0), START)]), START)
    assert status_of(state, START) is DataStatus.OK
    state.apply(delta_of([Counted(MetricEvent(NAME, START, total=8, bad=8), START)]), START)
    assert status_of(state, START) is DataStatus.SATURATED
    later = START + timedelta(days=8)
    state.apply(delta_of([Counted(MetricEvent(NAME, later, total=8, bad=8), later)]), later)
    assert status_of(state, later) is DataStatus.OK


def status_of(state: ShardState, now: datetime) -> DataStatus:
    """Return the status of the one service, which is that of its one objective."""
    moment = Moment(now, 0, 1, now, lagging=False)
    shot = snapshot_of(state, NAME, [target(window_days=7)], moment)
    assert shot.data_status is shot.slos[0].data_status
    return shot.data_status


def test_one_huge_event_is_exact_beside_small_ones() -> None:
    state = with_latency_series(START)
    small = MetricEvent(NAME, START, total=7, bad=2)
    large = MetricEvent(NAME, START, total=MOST - 7, bad=0)
    for event in (small, large):
        state.apply(delta_of([Counted(event, START)]), START)
    assert figures(state, START)[NAME].sums["30d"]["5m"] == (MOST, 2)
