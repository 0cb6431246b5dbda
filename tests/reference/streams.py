"""Random streams of events as a shard sees them: batches at a clock that moves by uneven steps."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from burnrate.ingest.columns import Counted
from common.events import Latency, MetricEvent
from common.slo.streams import indicator_of, service_of

STREAMS = ("cart", "checkout", "checkout/payments")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400
BOUNDS = ((0.1, 0.25, 1.0), (0.25,), (0.5, 1.0))


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that are applied together at `now`, which was reached `step` after the last one."""

    now: datetime
    appended_at: datetime
    events: tuple[MetricEvent, ...]

    def counted(self) -> list[Counted]:
        return [Counted(event, self.appended_at) for event in self.events]


# near an edge of a bucket, where an error by one bucket shows, or anywhere
_nudges = st.sampled_from((-MICROSECOND, timedelta(), MICROSECOND))
_steps = st.one_of(
    st.sampled_from((0, 1, 10, 60, 290, 300, 3590, 3600, 7200, DAY, 3 * DAY, 7 * DAY, 30 * DAY)),
    st.integers(0, 120),
    st.integers(0, 3 * DAY),
).map(lambda seconds: timedelta(seconds=seconds))
_ages = st.one_of(
    st.sampled_from((0, 10, 50, 60, 290, 300, 310, 1800, 3590, 3600, 3610, 7200, 21_600, DAY - 60)),
    st.integers(-299, 600),
    st.integers(0, DAY - 60),
)
_history_ages = st.integers(0, 90 * DAY - 120)


def on_grid(at: datetime, seconds: int) -> datetime:
    """Return the last multiple of a length that is not after an instant."""
    length = timedelta(seconds=seconds)
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % length


@st.composite
def latencies(draw: st.DrawFn, bounds: tuple[float, ...]) -> Latency:
    counts = draw(st.tuples(*[st.integers(0, 9)] * (len(bounds) + 1)))
    return Latency(bounds, counts)


@st.composite
def metric_events(draw: st.DrawFn, appended_at: datetime, *, history: bool) -> MetricEvent:
    """An event that is admitted at that append time."""
    age = draw(st.one_of(_ages, _history_ages) if history else _ages)
    at = appended_at - timedelta(seconds=age)
    if draw(st.booleans()):
        at = on_grid(at, draw(st.sampled_from((10, 60, 3600)))) + draw(_nudges)
    at = min(at, appended_at + timedelta(minutes=5))
    at = max(at, appended_at - timedelta(seconds=(90 if history else 1) * DAY))
    latency = draw(st.none() | st.sampled_from(BOUNDS).flatmap(latencies))
    total = draw(st.integers(0, 1000)) if latency is None else sum(latency.counts)
    stream = draw(st.sampled_from(STREAMS))
    return MetricEvent(
        service=service_of(stream),
        indicator=indicator_of(stream),
        timestamp=at,
        total=total,
        bad=draw(st.integers(0, total)),
        window_seconds=draw(st.sampled_from((10, 10, 10, 60, 151, 300, 1800, 3600))),
        latency=latency,
    )


@st.composite
def streams(draw: st.DrawFn, *, history: bool = True, max_steps: int = 6) -> list[Batch]:
    """Batches in the order in which they are applied; some are applied long after their append."""
    now = START + timedelta(seconds=draw(st.integers(0, 7200))) + draw(_nudges)
    found = []
    for _ in range(draw(st.integers(1, max_steps))):
        now += draw(_steps)
        lag = timedelta(seconds=draw(st.sampled_from((0, 0, 0, 1, 20, 5400))))
        appended_at = now - lag
        some = st.lists(metric_events(appended_at, history=history), max_size=8)
        found.append(Batch(now, appended_at, tuple(draw(some))))
    return found
