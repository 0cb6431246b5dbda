"""The simulated events: a pure function of seed, service and bucket."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from common.events import Latency, MetricEvent
from ingest.simulator.scenarios import Effects, Values, apply, incidents
from ingest.simulator.services import SERVICES, SimulatedService

HOUR = 3600
DAY_SECONDS = 86_400
BOUNDS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Bounds of the latency histogram; every latency target of the demonstration is one of them."""

_PEAK_HOUR, _SWING = 15, 0.6
_WEEKDAY_FACTORS = np.array([1.0, 1.0, 1.02, 1.05, 1.1, 0.75, 0.65])  # Monday first
_MONDAY = 4 * DAY_SECONDS  # 1970-01-05
_TAIL = 4.0  # exponent of the log-logistic distribution; a greater one has fewer slow requests
SOURCE = "simulator"

Counts = NDArray[np.int64]


def events_between(seed: int, start: int, end: int, window_seconds: int) -> Iterator[MetricEvent]:
    """Yield every service's events with start < timestamp <= end, oldest first.

    All times are seconds since 1970; `window_seconds` divides an hour, and buckets end at its
    multiples.
    """
    first = (start // window_seconds + 1) * window_seconds
    for bucket_end in range(first, end + 1, window_seconds):
        for number in range(len(SERVICES)):
            yield _event(seed, number, bucket_end, window_seconds)


def load_ratio(instants: Values) -> Values:
    """Return traffic relative to a weekday's mean; `instants` are seconds since 1970, UTC."""
    hours = instants % DAY_SECONDS / 3600
    day_shape = 1 + _SWING * np.cos((hours - _PEAK_HOUR) * (2 * np.pi / 24))
    # a day's factor holds at noon and goes over to the next one's, so that midnight has no step
    days = (instants - _MONDAY) / DAY_SECONDS
    week_shape = np.interp(days, np.arange(7) + 0.5, _WEEKDAY_FACTORS, period=7)
    ratio: Values = day_shape * week_shape
    return ratio


def bucket_shares(medians_seconds: Values) -> Values:
    """Return, for each median, the share of requests in each latency bucket; rows sum to 1."""
    bounds = np.array(BOUNDS_SECONDS)
    within = 1 / (1 + (medians_seconds[:, None] / bounds[None, :]) ** _TAIL)
    edges = np.zeros((len(medians_seconds), 1))
    shares: Values = np.diff(np.hstack([edges, within, edges + 1]), axis=1)
    return shares


def _event(seed: int, number: int, bucket_end: int, window_seconds: int) -> MetricEvent:
    hour = (bucket_end - 1) // HOUR
    place = (bucket_end - hour * HOUR) // window_seconds - 1
    bad, latency = _hour(seed, number, hour, window_seconds)
    counts = tuple(latency[place].tolist())
    return MetricEvent(
        service=SERVICES[number].name,
        timestamp=datetime.fromtimestamp(bucket_end, UTC),
        total=sum(counts),
        bad=int(bad[place]),
        source=SOURCE,
        event_id=f"{seed}/{window_seconds}/{bucket_end}",
        window_seconds=window_seconds,
        latency=Latency(BOUNDS_SECONDS, counts),
    )


@lru_cache(maxsize=4 * len(SERVICES))
def _hour(seed: int, number: int, hour: int, window_seconds: int) -> tuple[Counts, Counts]:
    """Return the bad counts and the latency counts of the hour's buckets.

    A whole hour is drawn at once because that is what makes seven days take seconds.
    """
    service = SERVICES[number]
    starts = np.arange(0, HOUR, window_seconds, dtype=np.float64)
    middles = hour * HOUR + starts + window_seconds / 2
    effects = _effects(seed, service, middles)
    random = np.random.default_rng([seed, number, hour, window_seconds])
    expected = service.requests_per_second * window_seconds * load_ratio(middles)
    totals = random.poisson(expected * effects.traffic_ratio)
    bad = random.binomial(totals, np.maximum(effects.error_ratio, service.error_ratio))
    shares = bucket_shares(service.median_seconds * effects.latency_ratio)
    return bad, random.multinomial(totals, shares)


def _effects(seed: int, service: SimulatedService, instants: Values) -> Effects:
    effects = Effects.none(instants)
    if service.scenario is not None:
        start, end = int(instants[0]), int(instants[-1]) + 1
        for incident in incidents(seed, service.scenario, start, end):
            apply(incident, instants, effects)
    return effects
