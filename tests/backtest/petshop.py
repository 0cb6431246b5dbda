"""A real web shop's two days, with a real outage, gone through as they unfolded."""

import tempfile
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from common.events import MetricEvent
from tests.backtest.cases import case
from tests.backtest.scenarios import DAY, LEAD_SECONDS, MINUTE, Family, Ints, Scenario
from tests.backtest.scoring import Outcome
from tests.support.flow import convert_petshop

SERVICE = "petsite"
OBJECTIVES = (Decimal("0.995"), Decimal("0.997"))
WINDOW_DAYS = 1
"""Two days hold no longer window with its outcome; the contract's own begin at seven."""

_STEP_MINUTES, _FIRST_HOURS = 15, 3


def petshop_outcomes(metrics: Path, objective: Decimal) -> list[Outcome]:
    """Return what became of a forecast each quarter of an hour while anything was left."""
    total, bad, first_end = _counts(metrics)
    found = []
    lead, window = LEAD_SECONDS // MINUTE, WINDOW_DAYS * DAY // MINUTE
    for cut in range(lead + _FIRST_HOURS * 60, len(total) - window, _STEP_MINUTES):
        made = Scenario(Family.PARTLY_SPENT, 0, first_end, cut, total, bad, objective, WINDOW_DAYS)
        known = case(made)
        if known.slo.error_budget_remaining > 0:
            hours = known.window_hours
            found.append(Outcome.of(SERVICE, hours, known.truth_hours, known.forecast()))
    return found


def _counts(metrics: Path) -> tuple[Ints, Ints, int]:
    """Return requests and bad ones by minute after two empty days, and the first minute's end."""
    with tempfile.TemporaryDirectory() as folder:
        lines = convert_petshop(metrics, Path(folder) / "events.ndjson").read_bytes().splitlines()
    events = [msgspec.json.decode(line, type=MetricEvent) for line in lines]
    own = [event for event in events if event.service == SERVICE]
    ends = np.array([int(event.timestamp.timestamp()) for event in own])
    first_end = int(ends[0]) - LEAD_SECONDS
    places = (ends - first_end) // MINUTE
    counts = np.zeros((2, int(places[-1]) + 1), np.int64)
    counts[0, places] = [event.total for event in own]
    counts[1, places] = [event.bad or 0 for event in own]
    return counts[0], counts[1], first_end
