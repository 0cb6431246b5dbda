"""Histories with a known future: the simulator's traffic and incidents, placed around a cut-off.

A scenario is a function of its family and seed. Its minutes run from a window and a day before the
cut-off to a window after it, so that every rolling sum on both sides is whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ingest.simulator.counts import load_ratio
from ingest.simulator.scenarios import Effects, ScenarioKind, SimulatedIncident, apply, incidents
from ingest.simulator.services import SERVICES, SimulatedService

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MINUTE, HOUR, DAY = 60, 3600, 86_400
LEAD_SECONDS = 2 * DAY
"""History before the SLO window, for models that look at earlier windows."""

_YEAR_START = 1_767_225_600  # 2026-01-01
_OBJECTIVES = ("0.99", "0.995", "0.999", "0.9995")
_WINDOW_DAYS = (7, 14, 28, 30)
_BASE_BURN = (0.02, 0.3)


class Family(StrEnum):
    """What goes on around the cut-off."""

    PARTLY_SPENT = "partly_spent"
    ROLLS_OFF = "rolls_off"
    DRIFT = "drift"
    RECURRING = "recurring"
    SUDDEN = "sudden"
    QUIET = "quiet"
    BURSTY = "bursty"
    HOURLY = "hourly"
    DAILY = "daily"
    START_UP = "start_up"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Counts by minute and what they are held against; `cut` is the minute that holds now.

    `first_end` is the end of the first minute (seconds since 1970); `now` is the end of `cut`.
    """

    family: Family
    seed: int
    first_end: int
    cut: int
    total: Ints
    bad: Ints
    objective: Decimal
    window_days: int
    resolution_seconds: int = MINUTE

    @property
    def now(self) -> int:
        """Return the cut-off in seconds since 1970."""
        return self.first_end + self.cut * MINUTE


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every family is given."""

    seed: int
    random: Generator
    service: SimulatedService
    now: int
    window_days: int
    allowed: float

    @property
    def start(self) -> int:
        return self.now - self.window_days * DAY - LEAD_SECONDS

    @property
    def end(self) -> int:
        return self.now + self.window_days * DAY + HOUR


def scenario(family: Family, seed: int) -> Scenario:
    """Return the scenario of a family and a seed."""
    random = np.random.default_rng([seed, list(Family).index(family)])
    service = SERVICES[int(random.integers(len(SERVICES)))]
    now = _YEAR_START + int(random.integers(365 * DAY // MINUTE)) * MINUTE
    objective = Decimal(str(random.choice(_OBJECTIVES)))
    window_days = int(random.choice(_WINDOW_DAYS))
    frame = _Frame(seed, random, service, now, window_days, float(1 - objective))
    total, bad = _counts(frame, _FAMILIES[family](frame))
    cut = (now - frame.start) // MINUTE - 1
    resolution = MINUTE
    if family is Family.HOURLY:
        total, bad = _by_the_hour(frame, total), _by_the_hour(frame, bad)
        resolution = HOUR
    return Scenario(
        family, seed, frame.start + MINUTE, cut, total, bad, objective, window_days, resolution
    )


def _by_the_hour(frame: _Frame, counts: Ints) -> Ints:
    """Return counts as one report at the end of each hour has them; the last hour is left out."""
    ends = frame.start + MINUTE * np.arange(1, len(counts) + 1)
    full = np.flatnonzero(ends % HOUR == 0)
    found = np.zeros_like(counts)
    running = np.cumsum(counts)[full]
    found[full] = np.diff(running, prepend=0)
    return found


def _counts(frame: _Frame, found: list[SimulatedIncident]) -> tuple[Ints, Ints]:
    """Return requests and bad ones by minute, as the simulator draws them."""
    middles = np.arange(frame.start, frame.end, MINUTE, dtype=np.float64) + MINUTE / 2
    effects = Effects.none(middles)
    for incident in found:
        apply(incident, middles, effects)
    expected = frame.service.requests_per_second * MINUTE * load_ratio(middles)
    total = frame.random.poisson(expected * effects.traffic_ratio)
    base = frame.allowed * frame.random.uniform(*_BASE_BURN)
    bad = frame.random.binomial(total, np.minimum(np.maximum(effects.error_ratio, base), 1))
    return total, bad


def _burn(frame: _Frame, start: float, end: float, burn: float) -> SimulatedIncident:
    """Return an incident that burns at so many times the sustainable rate."""
    ratio = min(0.9, burn * frame.allowed)
    return SimulatedIncident(ScenarioKind.SLOW_BURN, int(start), int(end), {"error_ratio": ratio})


def _wandering(
    frame: _Frame, start: float, burn: Callable[[float], float]
) -> list[SimulatedIncident]:
    """Return a burn from `start` to the end that wanders about a course, in steps of hours.

    `burn` gives the course by hours since the start. The logarithm of the factor is a first-order
    autoregression with a spread of 0.3, as sustained errors of real services are never constant.
    """
    found, at, log_factor = [], start, 0.0
    while at < frame.end:
        until = at + frame.random.uniform(1, 6) * HOUR
        log_factor = 0.8 * log_factor + frame.random.normal(0, 0.3 * 0.6)
        level = burn((at - start) / HOUR) * float(np.exp(log_factor))
        found.append(_burn(frame, at, until, level))
        at = until
    return found


def _log_uniform(random: Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _partly_spent(frame: _Frame) -> list[SimulatedIncident]:
    """Errors began some time ago, have spent a part of the budget, and go on."""
    level = _log_uniform(frame.random, 1.2, 15)
    spent = frame.random.uniform(0.2, 0.9)
    start = frame.now - spent * frame.window_days * DAY / level
    return _wandering(frame, start, lambda _: level)


def _rolls_off(frame: _Frame) -> list[SimulatedIncident]:
    """An outage within the window has spent a part, which comes back; errors go on meanwhile."""
    window = frame.window_days * DAY
    level = _log_uniform(frame.random, 0.4, 2.5)
    lasting = frame.random.uniform(0, 0.5) * window / level
    found = _wandering(frame, frame.now - lasting, lambda _: level)
    at = frame.now - frame.random.uniform(0.05, 0.98) * window
    minutes = int(frame.random.integers(5, 60))
    spent = frame.random.uniform(0.3, 0.9) * max(0.1, 1 - level * lasting / window)
    return [_burn(frame, at, at + minutes * MINUTE, spent * window / (minutes * MINUTE)), *found]


def _drift(frame: _Frame) -> list[SimulatedIncident]:
    """The error rate has been rising or falling for hours to days, and then stays."""
    window_hours = frame.window_days * 24
    level = _log_uniform(frame.random, 0.8, 8)
    factor = _log_uniform(frame.random, 2, 5) ** frame.random.choice((-1, 1))
    lasting = frame.random.uniform(6, 48)
    before = frame.random.uniform(0.3, 1) * lasting

    def course(hours: float) -> float:
        return float(level * factor ** min(hours / lasting, 1.0))

    spent = frame.random.uniform(0.1, 0.6)
    outage = frame.now - frame.random.uniform(0.3, 0.9) * frame.window_days * DAY
    share = spent * window_hours * 6
    return [
        _burn(frame, outage, outage + 10 * MINUTE, share),
        *_wandering(frame, frame.now - before * HOUR, course),
    ]


def _recurring(frame: _Frame) -> list[SimulatedIncident]:
    """The simulator's own incidents, again and again, since some time ago."""
    kind = frame.random.choice(
        [ScenarioKind.SLOW_BURN, ScenarioKind.FLAPPING, ScenarioKind.RECOVERY]
    )
    start = int(frame.now - frame.random.uniform(0.02, 0.5) * frame.window_days * DAY)
    return incidents(frame.seed, ScenarioKind(kind), start, frame.end)


def _sudden(frame: _Frame) -> list[SimulatedIncident]:
    """An outage that began within the last hour; it may end soon, or not for a day."""
    level = _log_uniform(frame.random, 20, 400)
    start = frame.now - frame.random.uniform(1, 60) * MINUTE
    lasting = frame.now - start + _log_uniform(frame.random, 2 * MINUTE, DAY)
    return [_burn(frame, start, start + lasting, level)]


def _quiet(frame: _Frame) -> list[SimulatedIncident]:
    del frame
    return []


def _bursts(
    frame: _Frame, since: float, longest_hours: float, burn: tuple[float, float]
) -> list[SimulatedIncident]:
    """Return bursts that come at random, whose sizes have a heavy tail, at a mean burn rate.

    Pareto's law, of an exponent between 1.1 and 2: the largest of many is a good part of the sum.
    """
    window = frame.window_days * DAY
    per_day = _log_uniform(frame.random, 0.3, 8)
    tail = frame.random.uniform(1.1, 2)
    mean_size = _log_uniform(frame.random, *burn) * DAY / per_day * (tail - 1) / tail
    found, at = [], since
    while (at := at + frame.random.exponential(DAY / per_day)) < frame.end:
        size = min(mean_size * (1 + frame.random.pareto(tail)), window / 2)
        lasting = _log_uniform(frame.random, 5 * MINUTE, longest_hours * HOUR)
        lasting = max(lasting, size * frame.allowed / 0.9)
        found.append(_burn(frame, at, at + lasting, size / lasting))
    return found


def _bursty(frame: _Frame) -> list[SimulatedIncident]:
    """Short bursts with heavy tails, for as long as anybody remembers."""
    return _bursts(frame, frame.start, 2, (0.35, 2))


def _hourly(frame: _Frame) -> list[SimulatedIncident]:
    """Crashes of a fleet, counted by the hour: bursts of up to half a day, and a wandering base."""
    level = _log_uniform(frame.random, 0.05, 0.5)
    return [
        *_wandering(frame, frame.start, lambda _: level),
        *_bursts(frame, frame.start, 12, (0.35, 2)),
    ]


def _daily(frame: _Frame) -> list[SimulatedIncident]:
    """An outage at about the same time of most days, such as a job at night."""
    chance = frame.random.uniform(0.4, 1)
    minute = frame.random.uniform(0, DAY)
    burn = _log_uniform(frame.random, 0.4, 2) / chance
    begun = frame.now - frame.random.uniform(0.1, 1.1) * frame.window_days * DAY
    found = []
    for day in range(int(begun // DAY), int(frame.end // DAY) + 1):
        if frame.random.random() < chance:
            at = day * DAY + minute + frame.random.normal(0, 10 * MINUTE)
            lasting = frame.random.uniform(10, 90) * MINUTE
            size = burn * DAY * float(np.exp(frame.random.normal(0, 0.6)))
            found.append(_burn(frame, at, at + lasting, size / lasting))
    return found


def _start_up(frame: _Frame) -> list[SimulatedIncident]:
    """A new service whose errors of the first hours subside, and come back now and then."""
    before = _log_uniform(frame.random, 3, 72) * HOUR
    start = frame.now - before
    lasting = _log_uniform(frame.random, 1, 24) * HOUR
    first, later = frame.random.uniform(0.3, 1), _log_uniform(frame.random, 0.02, 0.6)
    burning = _wandering(
        frame, start, lambda hours: later + first * float(np.exp(-hours * HOUR / lasting))
    )
    silence = SimulatedIncident(
        ScenarioKind.TRAFFIC_DIP, int(frame.start), int(start), {"traffic_ratio": 0.0}
    )
    return [silence, *burning, *_bursts(frame, start, 2, (0.1, 0.6))]


_FAMILIES: dict[Family, Callable[[_Frame], list[SimulatedIncident]]] = {
    Family(made.__name__.removeprefix("_")): made
    for made in (
        _partly_spent, _rolls_off, _drift, _recurring, _sudden,
        _quiet, _bursty, _hourly, _daily, _start_up,
    )
}  # fmt: skip
