"""The span of a history cut into steps, and where its counts are kept. Pure.

Times are whole seconds since 1970.
"""

from dataclasses import dataclass

import numpy as np

from common.admission.metric_events import MAX_FUTURE
from common.arrays import Ints
from common.counts.layout import MINUTES_READ_SECONDS, TEN_SECONDS, Span
from common.slo.windows import DAY, HOUR, MINUTE

MAX_POINTS = 1000
_REACH = 2 * HOUR
"""The longest window that is served by minutes wherever steps may be minutes."""
_AHEAD = int(MAX_FUTURE.total_seconds())


@dataclass(frozen=True, slots=True)
class Steps:
    """A span cut at the multiples of `step_seconds`, so that its first and last step may be short.

    A step is (edge, next edge]; the edges rise from the beginning of the span to its end.
    """

    edges: Ints
    step_seconds: int

    @property
    def ends(self) -> Ints:
        """Return where the steps end."""
        return self.edges[1:]

    @property
    def lengths(self) -> Ints:
        """Return how long the steps are, in seconds."""
        return np.diff(self.edges)


@dataclass(frozen=True, slots=True)
class CountQuery:
    """Buckets with since < end <= until: hours, minutes from `minutes_from`, then ten seconds.

    Without `tens_from` there are no ten seconds. `threshold_seconds` asks for the share of
    requests slower than it, None for bad requests.
    """

    stream: str
    since: int
    until: int
    minutes_from: int
    threshold_seconds: float | None = None
    tens_from: int | None = None


def minutes_from(now: int) -> int:
    """Return the full hour after which steps may be minutes: before it, only hours are kept."""
    return _up(now - MINUTES_READ_SECONDS, HOUR)


def steps(since: int, until: int, step_seconds: int, now: int) -> Steps:
    """Return the steps of a span, which is widened to whole buckets and ends at `now` at most.

    The step is the one asked for, made whole hours where the span reaches back to where only
    hours are kept; more than MAX_POINTS of them are made fewer by a multiple of it.
    """
    begin, end = whole_buckets(since, until, now)
    step = _up(step_seconds, HOUR) if since < minutes_from(now) else step_seconds
    factor = max(1, (end - begin) // (step * MAX_POINTS))
    while _count(begin, end, step * factor) > MAX_POINTS:
        factor += 1
    step *= factor
    inner = np.arange((begin // step + 1) * step, end, step, dtype=np.int64)
    edges = np.concatenate(([begin], inner, [end] if end > begin else []))
    return Steps(edges.astype(np.int64), step)


def whole_buckets(since: int, until: int, now: int) -> tuple[int, int]:
    """Return a span widened to the buckets that are kept at its ends, up to `now` at most."""
    floor = minutes_from(now)
    begin = since - since % (HOUR if since < floor else MINUTE)
    return begin, min(_up(until, HOUR if until < floor else MINUTE), now)


def covering(begin: int, end: int, now: int) -> list[Span]:
    """Return the fewest buckets that make up a span of whole buckets, or one that ends now."""
    last = end_of_bucket(end) if end == now else end
    minute = last // MINUTE * MINUTE
    first_hour, last_hour = _up(begin, HOUR), minute // HOUR * HOUR
    if first_hour > last_hour:
        first_hour = last_hour = minute
    spans = (
        Span(MINUTE, begin, first_hour),
        Span(HOUR, first_hour, last_hour),
        Span(MINUTE, last_hour, minute),
        Span(TEN_SECONDS, minute, last),
    )
    return [span for span in spans if span.until is not None and span.since < span.until]


def _count(begin: int, end: int, step: int) -> int:
    return -(-end // step) - begin // step


def history_query(
    stream: str, cut: Steps, window_days: int, threshold_seconds: float | None, now: int
) -> CountQuery:
    """Return the counts that a history needs: from the longest window before its first step.

    The last hour is read by ten seconds, as live figures have it. So is what lies ahead of `now`:
    all that is admitted there says how often a service reports, and the hour's rest is counted.
    """
    since, until = int(cut.edges[0]), int(cut.edges[-1])
    return CountQuery(
        stream,
        since=since - window_days * DAY - HOUR,
        until=_up(now + _AHEAD, HOUR) if until == now else until,
        minutes_from=minutes_from(now) - _REACH,
        threshold_seconds=threshold_seconds,
        tens_from=now // MINUTE * MINUTE - HOUR,
    )


def timeline(query: CountQuery) -> list[Span]:
    """Return hours, then minutes, then ten seconds: each event is in one of them."""
    tens_from = query.until if query.tens_from is None else query.tens_from
    edges = [query.since, query.minutes_from, tens_from, query.until]
    within = [min(max(edge, query.since), query.until) for edge in edges]
    spans = zip((HOUR, MINUTE, TEN_SECONDS), within[:-1], within[1:], strict=True)
    return [Span(*span) for span in spans if span[1] < span[2]]


def end_of_bucket(at: int) -> int:
    """Return the end of the shortest bucket that holds an instant."""
    return _up(at, TEN_SECONDS)


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
