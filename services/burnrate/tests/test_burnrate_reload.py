"""A shard that is loaded from its rows is the shard that never ended."""

from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.evaluation.shard_state import Missing
from common.events import MetricEvent
from tests.reference.kept_rows import KeptRows
from tests.reference.shard_checks import (
    THRESHOLD,
    assign_targets,
    expected,
    figures,
    with_latency_series,
)
from tests.reference.streams import STREAMS, Batch, streams
from tests.reference.sums import delta_of
from tests.support.servers.effort import examples


@settings(max_examples=examples(50), deadline=None)
@given(streams(), st.data())
def test_restarting_at_any_point_changes_no_figure(
    stream: list[Batch], data: st.DataObject
) -> None:
    """The state that goes on and the one that is loaded anew agree at every later step."""
    rows = KeptRows()
    lasting = restarted = with_latency_series(stream[0].now)
    seen: list[MetricEvent] = []
    for batch in stream:
        if data.draw(st.booleans()):
            restarted = rows.load(batch.now)
            for name in STREAMS:
                rows.load_slow_counts(restarted, name, THRESHOLD, batch.now)
        sums = delta_of(batch.counted())
        rows.add(sums, batch.appended_at)
        lasting.apply(sums, batch.now)
        if restarted is not lasting:
            restarted.apply(sums, batch.now)
        seen += batch.events
        assert figures(restarted, batch.now) == figures(lasting, batch.now)
        assert figures(restarted, batch.now) == expected(seen, batch.now)


@settings(max_examples=examples(30), deadline=None)
@given(streams(max_steps=4), st.integers(0, 4))
def test_a_latency_target_made_later_gets_the_whole_history(
    stream: list[Batch], position: int
) -> None:
    """Its series is read from the rows and kept by the batches that follow."""
    rows = KeptRows()
    from_start, state = with_latency_series(stream[0].now), rows.load(stream[0].now)
    for number, batch in enumerate(stream):
        if number == min(position, len(stream) - 1):
            assign_targets(state)
            for name in STREAMS:
                assert state.missing[name] == Missing((THRESHOLD,), deep=False)
                rows.load_slow_counts(state, name, THRESHOLD, batch.now)
        sums = delta_of(batch.counted())
        rows.add(sums, batch.appended_at)
        state.apply(sums, batch.now)
        from_start.apply(sums, batch.now)
    assert figures(state, stream[-1].now) == figures(from_start, stream[-1].now)
