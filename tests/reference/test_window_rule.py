"""The same question has the same answer live, in a preview, a history, a report and a forecast."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api_gateway.burn.history import (
    Counts,
    Kept,
    Objective,
    Point,
    Reports,
    burn_history,
    step_counts,
)
from api_gateway.burn.steps import (
    MAX_POINTS,
    CountQuery,
    Steps,
    history_query,
    minutes_from,
    steps,
    timeline,
)
from burnrate.domain.objectives import Target
from burnrate.domain.service_state import Moment
from common.config.clock import from_micros, whole_seconds
from common.counts.layout import unpacked
from common.events import BurnRateSnapshot, MetricEvent, SloStatus
from common.slo.streams import indicator_of, service_of
from common.slo.windows import DAY, HOUR, MINUTE
from forecast.domain.forecast import DAY_HOURS
from forecast.domain.shard_counts import LENGTHS, ShardCounts
from tests.reference.brute_force import end_of_bucket, window_sums
from tests.reference.kept_rows import KeptRows
from tests.reference.shard_checks import snapshot_of, target, with_latency_series
from tests.reference.streams import STREAMS, Batch, streams
from tests.reference.sums import delta_of
from tests.support.servers.effort import examples

OBJECTIVE = Decimal("0.99")
DAYS = st.sampled_from((7, 30, 90))


class Past:
    """What was applied and what is stored of it, seen at an instant."""

    def __init__(self, stream: list[Batch]) -> None:
        self.now = stream[-1].now
        self.state = with_latency_series(stream[0].now)
        self.rows, self.events = KeptRows(), list[MetricEvent]()
        for batch in stream:
            self.state.apply(delta_of(batch.counted()), batch.now)
            self.rows.add(delta_of(batch.counted()), batch.appended_at)
            self.events += batch.events

    def events_of(self, name: str) -> list[MetricEvent]:
        return [event for event in self.events if event.stream == name]

    def live(self, name: str, days: int) -> BurnRateSnapshot:
        own: Target = target(str(OBJECTIVE), window_days=days, indicator=indicator_of(name))
        moment = Moment(self.now, 0, 1, self.now, lagging=False)
        return snapshot_of(self.state, service_of(name), [own], moment)

    def read(self, query: CountQuery) -> tuple[Reports, Counts]:
        """Return what the gateway reads of a stream for a query."""
        slot, found = self.rows.series.index.get(query.stream, -1), []
        for span in timeline(query):
            for (length, bucket), packed in self.rows.blocks.items():
                end, block = bucket * length, unpacked(packed)
                if length == span.resolution_seconds and span.since < end <= (span.until or 0):
                    row = block[slot] if 0 <= slot < len(block) else np.zeros(3, np.int64)
                    found += [(end, *row.tolist())] if row[2] else []
        table = np.array(sorted(found), np.int64).reshape(-1, 4)
        ends, total, bad, longest = table.T
        return Reports(ends, longest), Counts(ends, total, bad)

    def history(
        self, name: str, cut: Steps, days: int
    ) -> tuple[list[Point], list[tuple[int, int, int]]]:
        """Return points and the counts of steps, as the gateway answers at `now`."""
        at = whole_seconds(self.now)
        query = history_query(name, cut, days, None, at)
        reports, counts = self.read(query)
        kept = Kept(query.minutes_from, at)
        points = burn_history(cut.ends, reports, counts, Objective(OBJECTIVE, days, 1), kept)
        return points, step_counts(cut, counts, at)

    def forecast_total(self, name: str, slo: SloStatus) -> int:
        """Return the requests of the SLO window that a forecast is made of."""
        held = ShardCounts(reread_seconds=300)
        held.put_slots(self.rows.series.index)
        held.block_spans(slo.window_days, self.now)
        for (length, bucket), packed in self.rows.blocks.items():
            if length in LENGTHS:
                held.put_block(length, bucket, unpacked(packed)[:, :2])
        return int(
            held.history(service_of(name), slo).hours[0, -slo.window_days * DAY_HOURS :].sum()
        )


def ahead_of_the_hour() -> list[Batch]:
    """Return a report whose sender's clock is ahead, in the hour that is yet to begin."""
    now = datetime(2026, 3, 2, 8, 56, 59, 999_999, tzinfo=UTC)
    at = datetime(2026, 3, 2, 9, 0, 0, 999_999, tzinfo=UTC)
    event = MetricEvent(service="cart", timestamp=at, total=0, bad=0, window_seconds=151)
    return [Batch(now, now, (event,))]


def present(past: Past, days: int) -> Steps:
    at = whole_seconds(past.now)
    return steps(at - days * DAY, at, HOUR, at)


@settings(max_examples=examples(60), deadline=None)
@given(streams(), DAYS)
@example(ahead_of_the_hour(), 7)
def test_live_figures_preview_history_and_forecast_are_the_same(
    stream: list[Batch], days: int
) -> None:
    past = Past(stream)
    for name in STREAMS:
        if name not in past.state.table.numbers or not past.events_of(name):
            continue
        live = past.live(name, days)
        slo = live.slos[0]
        points, _ = past.history(name, present(past, days), days)
        last = points[-1]
        assert (last.total, last.bad) == (slo.total, slo.bad)
        assert (slo.total, slo.bad) == window_sums(past.events_of(name), past.now, days * DAY)
        assert last.short_window_seconds == live.short_window_seconds
        for figure in ("burn_rate_5m", "burn_rate_1h", "burn_rate_24h", "composite_burn_rate"):
            assert getattr(last, figure) == pytest.approx(getattr(slo, figure))
        assert last.error_budget_remaining == pytest.approx(slo.error_budget_remaining)
        assert (last.risk_level, last.risk_capped) == (slo.risk_level, slo.risk_capped)
        assert last.coarse_windows == ()
        assert past.forecast_total(name, slo) == slo.total


@settings(max_examples=examples(60), deadline=None)
@given(
    streams(),
    st.integers(0, 90 * DAY),
    st.integers(1, 90 * DAY),
    st.integers(1, 90 * 1440).map(lambda minutes: minutes * MINUTE),
)
def test_the_steps_of_any_span_count_what_the_span_counts(
    stream: list[Batch], ago: int, length: int, step_seconds: int
) -> None:
    past = Past(stream)
    now = whole_seconds(past.now)
    since = now - ago
    cut = steps(since, min(since + length, now), step_seconds, now)
    begin, end = (from_micros(int(edge) * 1_000_000) for edge in cut.edges[[0, -1]])
    for name in STREAMS:
        _, counted = past.history(name, cut, 30)
        inside = [e for e in past.events_of(name) if begin < e.timestamp <= until(end, past.now)]
        assert sum(total for total, *_ in counted) == sum(e.total for e in inside)
        assert sum(bad for _, bad, _ in counted) == sum(e.bad or 0 for e in inside)


def until(end: datetime, now: datetime) -> datetime:
    """Return the end of a span; one that ends now ends with the shortest bucket that holds it."""
    return end_of_bucket(now, 10) if end >= now else end


@given(
    st.integers(0, 2_000_000_000),
    st.integers(0, 90 * DAY),
    st.integers(0, 90 * DAY),
    st.integers(1, 90 * 1440).map(lambda minutes: minutes * MINUTE),
)
def test_steps_cover_the_span_and_only_the_first_and_the_last_are_short(
    now: int, ago: int, length: int, asked: int
) -> None:
    since = now - ago
    end = min(since + length, now)
    cut = steps(since, end, asked, now)
    floor, edges = minutes_from(now), cut.edges.tolist()
    assert edges == sorted(set(edges))
    assert len(cut.ends) <= MAX_POINTS
    assert edges[0] <= since
    assert end <= edges[-1] <= now or edges == [edges[0]]
    assert all(edge % cut.step_seconds == 0 for edge in edges[1:-1])
    assert set(cut.lengths[1:-1].tolist()) <= {cut.step_seconds}
    assert max(cut.lengths.tolist(), default=0) <= cut.step_seconds
    # each edge is that of a bucket that is kept there
    assert all(edge % (HOUR if edge < floor else MINUTE) == 0 for edge in edges if edge != now)
    least = -(-asked // HOUR) * HOUR if since < floor else asked
    assert cut.step_seconds % least == 0
    if cut.step_seconds > least:
        finer = cut.step_seconds - least
        assert -(-edges[-1] // finer) - edges[0] // finer > MAX_POINTS


@settings(max_examples=examples(40), deadline=None)
@given(streams(max_steps=3), st.integers(0, 47 * 60))
def test_a_point_of_the_past_is_what_was_live_then_with_all_that_came_later(
    stream: list[Batch], minutes_ago: int
) -> None:
    """Only a window that begins before the minutes does may begin elsewhere, and says so."""
    past = Past(stream)
    now = whole_seconds(past.now)
    at = max((now - minutes_ago * MINUTE) // MINUTE * MINUTE, minutes_from(now) + MINUTE)
    then = from_micros(at * 1_000_000)
    for name in STREAMS:
        [point], _ = past.history(name, Steps(np.array([at - MINUTE, at]), MINUTE), 30)
        events = [event for event in past.events_of(name) if event.timestamp <= then]
        lengths = {
            "5m": point.short_window_seconds,
            "1h": max(HOUR, point.short_window_seconds),
            "24h": DAY,
        }
        rates = (point.burn_rate_5m, point.burn_rate_1h, point.burn_rate_24h)
        for (window, length), rate in zip(lengths.items(), rates, strict=True):
            total, bad = window_sums(events, then, length)
            if window not in point.coarse_windows:
                assert rate == pytest.approx(bad / max(total, 1) / 0.01), window
        assert set(point.coarse_windows) <= {"24h"}
        if point.coarse_windows:
            assert timedelta(seconds=now - at) > timedelta(hours=23)
        assert (point.total, point.bad) == window_sums(events, then, 30 * DAY)
