"""Objectives and window counts of hand-worked cases, and their evaluation."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from burnrate.domain.objectives import STATUSES, Target, slo_statuses
from burnrate.domain.service_state import Moment, ServiceQuota, ServiceTable
from burnrate.evaluation.figures import NAMES, SLO
from burnrate.evaluation.figures import evaluate as vectorised
from burnrate.evaluation.measuring import Measured, Sources
from burnrate.evaluation.slots import Objective, Slots
from burnrate.evaluation.snapshots import snapshots
from burnrate.windows.engine import Engine
from common.events import SloStatus
from common.slo.vocabulary import DataStatus, SliType

Counts = tuple[int, int]  # total, bad
QUIET: Counts = (0, 0)


def target(objective: str = "0.999", **fields: Any) -> Target:
    """Return an availability target of 30 days, or what the fields say."""
    given = {"id": 1, "name": "slo", "sli_type": SliType.AVAILABILITY, "window_days": 30}
    return Target(objective=Decimal(objective), **{**given, **fields})


def evaluate(
    of: Target,
    sums: Mapping[str, Counts],
    *,
    resolution: int = 10,
    status: DataStatus = DataStatus.OK,
    requests: int | None = None,
) -> SloStatus:
    """Evaluate with (total, bad) by window; windows that are not named are empty."""
    counts = np.zeros((len(NAMES) + 2, 2, 1), np.int64)
    for row, name in enumerate(NAMES):
        counts[row, :, 0] = sums.get(name, QUIET)
    own, codes = counts[: len(NAMES)], np.array([STATUSES.index(status)])
    covered = np.array([own[SLO, 0, 0] if requests is None else requests])
    figures = vectorised(
        own,
        covered,
        np.array([float(1 - of.objective)]),
        np.array([of.min_bad_events]),
        lambda _: of.objective,
    )
    sources = Sources(Engine(0), ServiceTable(ServiceQuota(1)), Slots())
    sources.slots.assign(sources.table.add("service"), [Objective(of, 0, 0)])
    sources.table.resolution_seconds[0] = resolution
    one = np.zeros(1, np.int64)
    slo = slo_statuses(codes, own[SLO, 0], own[0, 0])
    measured = Measured(
        lagging=False,
        services=one,
        stale=np.zeros(1, np.bool_),
        slots=one,
        counts=counts,
        figures=figures,
        statuses=codes,
        slo_statuses=slo,
        worst=one,
        rare=one[:0],
        recent=np.zeros((4, 0), np.int64),
    )
    now = datetime(2026, 3, 1, tzinfo=UTC)
    [found] = snapshots(sources, measured, Moment(now, 0, 1, now, lagging=False))
    return found.slos[0]
