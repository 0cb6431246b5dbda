"""Objectives, the lengths of their windows, and how far figures can be trusted. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np

from burnrate.windows.rings import Flags, Ints
from common.events import TargetChanged
from common.slo.arithmetic import PairRule, pair_rules
from common.slo.vocabulary import DataStatus, SliType

SHORTEST_REPORTS = 2  # no window is shorter than as many reports
MIN_STALE_SECONDS, STALE_REPORTS = 300, 3
DAY_SECONDS = 86_400

BURN_WINDOWS = {"5m": 300, "1h": 3600, "24h": DAY_SECONDS}
PAIR_WINDOWS = {"30m": 1800, "2h": 7200, "6h": 21_600, "3d": 3 * DAY_SECONDS}
SLO_WINDOW = "slo"

STATUSES = tuple(DataStatus)
_NO_DATA, _LAGGING, _STALE, _NO_TRAFFIC, _OK = range(len(STATUSES))


@dataclass(frozen=True, slots=True)
class Target:
    """An objective (a ratio, exact) of a service, or the default one that is not stored."""

    id: int | None
    name: str
    sli_type: SliType
    objective: Decimal
    window_days: int
    threshold_seconds: float | None = None
    max_error_ratio: Decimal | None = None
    min_bad_events: int = 1
    revision: int = 0

    @classmethod
    def from_event(cls, event: TargetChanged) -> "Target":
        """Return the target that the catalog names; ValueError where it leaves no budget."""
        if not 0 < Decimal(event.objective) < 1:
            raise ValueError(f"target {event.id}: objective {event.objective} is no ratio")
        allowed = event.max_error_ratio
        return cls(
            event.id,
            event.name,
            event.sli_type,
            Decimal(event.objective),
            event.window_days,
            event.threshold_seconds,
            None if allowed is None else Decimal(allowed),
            event.min_bad_events,
            event.revision,
        )

    @property
    def default(self) -> bool:
        """Tell whether this stands in until the service has a target of its own."""
        return self.id is None

    @property
    def max_error_float(self) -> float | None:
        """Return the highest bad share allowed as snapshots have it."""
        return None if self.max_error_ratio is None else float(self.max_error_ratio)

    def pairs(self) -> tuple[PairRule, ...]:
        """Return the burn pairs that this objective can reach."""
        return _pair_rules(self.objective, self.window_days)


_pair_rules = lru_cache(4096)(pair_rules)


def default_target(objective: Decimal, window_days: int) -> Target:
    """Return the virtual target of a service that has none."""
    return Target(None, "default", SliType.AVAILABILITY, objective, window_days)


def window_seconds(target: Target, resolution_seconds: int) -> dict[str, int]:
    """Return the length of each window: none is shorter than two reports of the service."""
    floor = SHORTEST_REPORTS * resolution_seconds
    named = {**BURN_WINDOWS, **PAIR_WINDOWS, SLO_WINDOW: target.window_days * DAY_SECONDS}
    return {name: max(seconds, floor) for name, seconds in named.items()}


def stale_after_seconds(resolution_seconds: int) -> int:
    """Return how old a service's newest event may be before its data are stale."""
    return max(MIN_STALE_SECONDS, STALE_REPORTS * resolution_seconds)


def service_statuses(seen: Flags, stale: Flags, recent_total: Ints, *, lagging: bool) -> Ints:
    """Return how far services' figures can be trusted (places in STATUSES); the first that applies.

    `recent_total` are their requests in the shortest window.
    """
    found: Ints = np.where(recent_total > 0, _OK, _NO_TRAFFIC)
    found[stale] = _STALE
    if lagging:
        found[:] = _LAGGING
    found[~seen] = _NO_DATA
    return found


def slo_statuses(service: Ints, slo_total: Ints, recent_total: Ints) -> Ints:
    """Return the status of objectives, whose requests may be fewer than their service's."""
    silent = np.where(service == _NO_TRAFFIC, _NO_TRAFFIC, _NO_DATA)
    own = np.where(slo_total > 0, np.where(recent_total > 0, _OK, _NO_TRAFFIC), silent)
    found: Ints = np.where(service >= _NO_TRAFFIC, own, service)
    return found
