"""What is known at a cut-off, as the service would know it, and what became of it."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from common.events import BurnRateSnapshot, MetricEvent, SloForecast, SloStatus, WindowRate
from common.slo.arithmetic import burn_rate
from common.slo.windows import BURN_WINDOWS, at_least_two_reports
from forecast.domain.forecast import LOOK_BACK_HOURS, History, look_ahead
from tests.backtest.scenarios import DAY, HOUR, LEAD_SECONDS, MINUTE, Family, Ints, Scenario
from tests.backtest.scoring import Outcome
from tests.support.burn_events import measured, snapshot
from tests.support.flow import convert_petshop


@dataclass(frozen=True, slots=True)
class Case:
    """A cut-off. `truth_hours` is when the budget was spent, None: not within the window."""

    slo: SloStatus
    snapshot: BurnRateSnapshot
    history: History
    now: datetime
    truth_hours: float | None

    def forecast(self) -> SloForecast:
        """Return what the product says."""
        return look_ahead(self.slo, self.snapshot, self.history, self.now)

    def outcome(self, family: str) -> Outcome:
        """Return what the product says within the SLO window, and what came."""
        forecast = self.forecast()
        said = {model.model: model.hours for model in forecast.models}
        p10, p90 = forecast.p10_hours, forecast.p90_hours
        return Outcome(family, self.slo.window_days * 24, self.truth_hours, said, p10, p90)


def case(of: Scenario) -> Case:
    """Return the case of a scenario at its cut-off."""
    now = datetime.fromtimestamp(of.now, UTC)
    known = slice(0, of.cut + 1)
    slo = _slo(of)
    shown = snapshot(
        of.family, slo, evaluated_at=now, newest_at=now - timedelta(seconds=5),
        resolution_seconds=of.resolution_seconds,
    )  # fmt: skip
    hours = _by_hour(of, known)
    history = History(
        hours[:, -(of.window_days * 24 + LOOK_BACK_HOURS) :],
        np.stack([of.total[known], of.bad[known]])[:, -DAY // MINUTE :].astype(np.float64),
    )
    return Case(slo, shown, history, now, _truth_hours(of))


def _slo(of: Scenario) -> SloStatus:
    windows = {name: _window(of, seconds) for name, seconds in BURN_WINDOWS.items()}
    total, bad = (int(sums[0]) for sums in _slo_sums(of))
    return measured(
        windows, (bad, total), of.objective, name="availability", window_days=of.window_days
    )


def _window(of: Scenario, seconds: int) -> WindowRate:
    seconds = at_least_two_reports(seconds, of.resolution_seconds)
    lying = slice(of.cut + 1 - seconds // MINUTE, of.cut + 1)
    total, bad = int(of.total[lying].sum()), int(of.bad[lying].sum())
    return WindowRate(seconds, total, bad, burn_rate(bad, total, of.objective))


def _by_hour(of: Scenario, known: slice) -> NDArray[np.float64]:
    hour = _hours(of)[known]
    place = hour - hour[0]
    sums = [np.bincount(place, counts[known]) for counts in (of.total, of.bad)]
    return np.stack(sums).astype(np.float64)


def _hours(of: Scenario) -> Ints:
    ends = of.first_end + MINUTE * np.arange(len(of.total))
    hours: Ints = -(-ends // HOUR)
    return hours


def _slo_sums(of: Scenario) -> tuple[Ints, Ints]:
    """Return (total, bad) over the SLO window at the cut-off and each minute after it.

    The window is one of hours, as burnrate's: at a minute it reaches back from the end of the
    hour that holds it.
    """
    anchors = _hours(of)[of.cut :]
    oldest = (anchors - of.window_days * 24) * HOUR  # buckets up to here are out
    first = np.maximum((oldest - of.first_end) // MINUTE + 1, 0)
    last = np.arange(of.cut + 1, len(of.total) + 1)
    running = [np.concatenate(([0], np.cumsum(counts))) for counts in (of.total, of.bad)]
    total, bad = (sums[last] - sums[first] for sums in running)
    return total, bad


def _truth_hours(of: Scenario) -> float | None:
    """Return when the counts that came have spent the budget, to the minute."""
    total, bad = _slo_sums(of)
    spent = np.flatnonzero(bad >= float(1 - of.objective) * total)
    hours = None if not len(spent) else float(spent[0]) * MINUTE / HOUR
    return hours if hours is not None and hours <= of.window_days * 24 else None


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
            found.append(known.outcome(SERVICE))
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
