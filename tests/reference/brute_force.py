"""What the figures must be, worked out from raw events alone: the rule itself, not its code.

A bucket is (start, end]. At `now` the anchor is the end of the bucket that holds `now`; a window
of W seconds sums what lies in buckets with anchor - W < end <= anchor.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from common.events import MetricEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOURS = {"1h": 3600, "24h": 86_400, "2h": 7200, "6h": 21_600, "3d": 259_200}
WINDOWS = {"5m": 300, "30m": 1800, **HOURS}


def end_of_bucket(at: datetime, seconds: int) -> datetime:
    """Return the end of the bucket of that length that holds an instant."""
    length = timedelta(seconds=seconds)
    past = (at - EPOCH) % length
    return at if not past else at + length - past


def bucket_seconds(window_seconds: int) -> int:
    """Return the length of the buckets that serve a window."""
    if window_seconds <= 3600:
        return 10
    return 60 if window_seconds <= 86_400 else 3600


def in_window(at: datetime, now: datetime, window_seconds: int) -> bool:
    """Tell whether an event of that timestamp counts in a window at `now`."""
    length = bucket_seconds(window_seconds)
    anchor = end_of_bucket(now, length)
    return anchor - timedelta(seconds=window_seconds) < end_of_bucket(at, length) <= anchor


def counts_of(event: MetricEvent, threshold: float | None) -> tuple[int, int]:
    """Return (total, bad) of one event: of its requests, or of those timed by a histogram."""
    if threshold is None:
        return event.total, event.bad or 0
    if event.latency is None:
        return 0, 0
    timed = zip((*event.latency.bounds, float("inf")), event.latency.counts, strict=True)
    return event.total, sum(n for bound, n in timed if bound > threshold)


def uncertain_of(event: MetricEvent, threshold: float | None) -> int:
    """Return how many of an event's requests may be on either side of the threshold."""
    if threshold is None or event.latency is None:
        return 0
    edges = (0.0, *event.latency.bounds, float("inf"))
    timed = zip(pairwise(edges), event.latency.counts, strict=True)
    return sum(n for (above, upto), n in timed if above < threshold < upto)


def window_sums(
    events: Iterable[MetricEvent],
    now: datetime,
    window_seconds: int,
    threshold: float | None = None,
) -> tuple[int, int]:
    """Return (total, bad) over a window."""
    found = [
        counts_of(event, threshold)
        for event in events
        if in_window(event.timestamp, now, window_seconds)
    ]
    return sum(total for total, _ in found), sum(bad for _, bad in found)


def covered_sums(
    events: Iterable[MetricEvent], now: datetime, window_seconds: int, threshold: float | None
) -> tuple[int, int]:
    """Return (requests, those of the objective that are uncertain) over a window."""
    inside = [event for event in events if in_window(event.timestamp, now, window_seconds)]
    uncertain = sum(uncertain_of(event, threshold) for event in inside)
    return sum(event.total for event in inside), uncertain


def resolution_seconds(events: Sequence[MetricEvent], now: datetime) -> int:
    """Return the median of the shortest reports of each minute; 10 s without any.

    It is that of the three hours up to the newest minute, the higher one of two. Minutes are kept
    for 48 hours: what is older says nothing of how a service reports.
    """
    shortest = _shortest_by_minute(events)
    newest = max(shortest, default=EPOCH)
    if newest <= end_of_bucket(now, 60) - timedelta(hours=48):
        return 10
    found = sorted(s for minute, s in shortest.items() if minute > newest - timedelta(hours=3))
    return found[len(found) // 2]


def newest_usual(events: Sequence[MetricEvent]) -> datetime | None:
    """Return the newest timestamp of those who report as usual, to the minute once they end."""
    shortest = _shortest_by_minute(events)
    newest = max(shortest, default=None)
    if newest is None:
        return None
    recent = {m: s for m, s in shortest.items() if m > newest - timedelta(hours=3)}
    usual = sorted(recent.values())[len(recent) // 2]
    last = max(minute for minute, seconds in recent.items() if seconds <= 2 * usual)
    newest_at = max(event.timestamp for event in events)
    return newest_at if last == newest else min(last, newest_at)


def _shortest_by_minute(events: Sequence[MetricEvent]) -> dict[datetime, int]:
    found: dict[datetime, int] = {}
    for event in events:
        minute = end_of_bucket(event.timestamp, 60)
        found[minute] = min(event.window_seconds, found.get(minute, event.window_seconds))
    return found


def window_lengths(resolution: int, window_days: int) -> dict[str, int]:
    """Return every window's length: none is shorter than two reports."""
    named = {**WINDOWS, "slo": window_days * 86_400}
    return {name: max(seconds, 2 * resolution) for name, seconds in named.items()}
