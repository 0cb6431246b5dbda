"""Objectives, and how far their figures can be trusted. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np

from burnrate.windows.rings import Flags, Ints
from common.events import TargetChanged
from common.slo.vocabulary import DataStatus, SliType
from common.slo.windows import PairRule, pair_rules

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
