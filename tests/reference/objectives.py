"""Objectives and window counts of hand-worked cases, and their evaluation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from burnrate.domain import Target, evaluate_slo, window_seconds
from common.events import SloStatus
from common.slo import DataStatus, SliType

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
    lengths = window_seconds(of, resolution)
    every = {name: sums.get(name, QUIET) for name in lengths}
    return evaluate_slo(
        of, lengths, every, status, every["slo"][0] if requests is None else requests
    )
