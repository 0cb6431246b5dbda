"""The simulated events: a pure function of seed, service and bucket, the same at every call."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.events import Latency, MetricEvent
from ingest.simulator.effects import Effects, Values, apply
from ingest.simulator.scenarios import episodes
from ingest.simulator.services import SERVICES, SimulatedService
from ingest.simulator.traffic import BOUNDS_SECONDS, bucket_shares, load_ratio

HOUR = 3600
SOURCE = "simulator"

Counts = NDArray[np.int64]


def events_between(seed: int, start: int, end: int, window_seconds: int) -> Iterator[MetricEvent]:
    """Give every service's events with start < timestamp <= end, oldest first.

    All times are seconds since 1970; `window_seconds` divides an hour, and buckets end at its
    multiples.
    """
    first = (start // window_seconds + 1) * window_seconds
    for bucket_end in range(first, end + 1, window_seconds):
        for number in range(len(SERVICES)):
            yield _event(seed, number, bucket_end, window_seconds)


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
    random = _generator(seed, number, hour, window_seconds)
    expected = service.requests_per_second * window_seconds * load_ratio(middles)
    totals = random.poisson(expected * effects.traffic_ratio)
    bad = random.binomial(totals, np.maximum(effects.error_ratio, service.error_ratio))
    shares = bucket_shares(service.median_seconds * effects.latency_ratio)
    return bad, random.multinomial(totals, shares)


def _effects(seed: int, service: SimulatedService, instants: Values) -> Effects:
    effects = Effects.none(instants)
    if service.scenario is not None:
        start, end = int(instants[0]), int(instants[-1]) + 1
        for episode in episodes(seed, service.scenario, start, end):
            apply(episode, instants, effects)
    return effects


def _generator(seed: int, number: int, hour: int, window_seconds: int) -> Generator:
    return np.random.default_rng([seed, number, hour, window_seconds])
