"""Objectives, and how far their figures can be trusted. Pure."""

from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

import msgspec
import numpy as np

from common.arrays import Flags, Ints
from common.events import SloStatus, TargetChanged, TargetSpec
from common.slo.vocabulary import DataStatus
from common.slo.windows import PairRule, pair_rules

STATUSES = tuple(DataStatus)
_NO_DATA, _LAGGING, _SATURATED, _STALE, _NO_TRAFFIC, _OK = range(len(STATUSES))


class Target(TargetSpec, frozen=True, kw_only=True, dict=True):
    """An objective of a service, or the default one, which is not stored and has no id."""

    id: int | None = None
    revision: int = 0

    @classmethod
    def from_event(cls, event: TargetChanged) -> "Target":
        """Return the target that the catalog names; ValueError where it leaves no budget."""
        if not 0 < Decimal(event.objective) < 1:
            raise ValueError(f"target {event.id}: objective {event.objective} is no ratio")
        return msgspec.convert(event, cls, from_attributes=True)

    @property
    def is_default(self) -> bool:
        """Whether this stands in until the service has a target of its own."""
        return self.id is None

    @cached_property
    def status_fields(self) -> dict[str, Any]:
        """The fields of a status that are the target's own."""
        return {**SloStatus.fields_of(self), "default": self.is_default}

    def pairs(self) -> tuple[PairRule, ...]:
        """Return the burn pairs that this objective can reach."""
        return _pair_rules(self.objective, self.window_days)


_pair_rules = lru_cache(4096)(pair_rules)


def service_statuses(
    seen: Flags, stale: Flags, saturated: Flags, recent_total: Ints, *, lagging: bool
) -> Ints:
    """Return how far services' figures can be trusted (places in STATUSES); the first that applies.

    `saturated` are those of which a sum has reached its limit, `recent_total` their requests in the
    shortest window.
    """
    found: Ints = np.where(recent_total > 0, _OK, _NO_TRAFFIC)
    found[stale] = _STALE
    found[saturated] = _SATURATED
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
