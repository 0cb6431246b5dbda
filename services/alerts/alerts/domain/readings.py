"""Readings of a rule: how far a service meets each level, and by which figures. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from common.alerting.rules import RISK_ORDER, Level, Rule, RuleKind
from common.events import BurnPair, BurnRateSnapshot, ServiceForecast, SloForecast, SloStatus
from common.slo.risk import RISK_BOUNDARIES
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS, DAY

CONSTANT_WITHIN_RATIO: Final = 0.02
"""Burn rates of 5 min, 1 h and 24 h that differ by no more count as constant."""

_BUDGET_MARGIN_RATIO: Final = 0.01  # above the threshold, before the level counts as cleared


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known about a service. `silent`: the owner of its shard gives no sign of life.

    `invalid_counts` is the number of reports refused of late for more good or bad than total.
    """

    snapshot: BurnRateSnapshot | None
    forecast: ServiceForecast | None = None
    silent: bool = False
    invalid_counts: int = 0

    @property
    def status(self) -> DataStatus:
        """How far the figures can be trusted."""
        if self.snapshot is None or self.silent:
            return DataStatus.LAGGING if self.silent else DataStatus.NO_DATA
        return self.snapshot.data_status


@dataclass(frozen=True, slots=True)
class Reading:
    """A level read for a service: met, cleared, or neither (between the two thresholds).

    `observed` and `threshold` are in the unit of the rule's kind; `slo` is the objective that
    they belong to, None where they are the service's. The greater `badness` is the worse.
    """

    met: bool
    cleared: bool
    observed: float
    threshold: float
    slo: str | None = None
    badness: float = 0.0


Readings = tuple[Reading, ...]
"""One reading for each of the rule's levels, in their order."""


def read(rule: Rule, inputs: Inputs, governing: str | None = None) -> Readings | None:
    """Return the readings of a rule; None where it cannot be evaluated and everything stays.

    That is so where data are missing, late or without traffic. `governing` is the objective that
    an open episode is about: while it cannot be read, other objectives do not clear the episode.
    """
    if rule.kind == "data_stale":
        return tuple(_stale(level, inputs) for level in rule.levels)
    if rule.kind == "good_over_total":
        return tuple(_invalid_counts(level, inputs) for level in rule.levels)
    if inputs.snapshot is None or inputs.status is not DataStatus.OK:
        return None
    if rule.kind == "exhaustion":
        return _exhaustion(rule, inputs)
    reader = _READERS[rule.kind]
    known = [slo for slo in inputs.snapshot.slos if slo.data_status is DataStatus.OK]
    if not known or _is_unreadable(governing, inputs.snapshot):
        return None
    return tuple(_worst(reader(rule, level, slo) for slo in known) for level in rule.levels)


def _is_unreadable(name: str | None, snapshot: BurnRateSnapshot) -> bool:
    return any(s.name == name and s.data_status is not DataStatus.OK for s in snapshot.slos)


def _worst(readings: Iterable[Reading]) -> Reading:
    """Return the reading of the service: met if any is, cleared only if all are."""
    return max(readings, key=lambda r: (r.met, not r.cleared, r.badness))


def _stale(level: Level, inputs: Inputs) -> Reading:
    status = inputs.status
    met = status in (level.statuses or ())
    return Reading(met, not met, float(met), 1.0)


def _invalid_counts(level: Level, inputs: Inputs) -> Reading:
    threshold, observed = level.at_least_events or 1, inputs.invalid_counts
    return Reading(observed >= threshold, not observed, observed, threshold)


def _risk(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    least = level.at_least_level or RiskLevel.FREEZE
    reached = RISK_ORDER.index(slo.risk_level) >= RISK_ORDER.index(least)
    boundary, observed = RISK_BOUNDARIES[least], slo.composite_burn_rate
    cleared = not reached and observed < boundary * rule.resolve_ratio
    met = reached and _evidence(rule, slo)
    return Reading(met, cleared, observed, boundary, slo.name, observed)


def _burn(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    """Read the pair furthest over its threshold; an objective may be too low for any pair."""
    windows = level.long_windows_seconds or ()
    pairs = [pair for pair in slo.burn_pairs if pair.long_seconds in windows]
    if not pairs:
        return Reading(met=False, cleared=True, observed=0.0, threshold=0.0, slo=slo.name)
    pair = max(pairs, key=_speed)
    met = pair.burn_rate > pair.threshold and _evidence(rule, slo, pair.long_seconds)
    cleared = all(_speed(p) < rule.resolve_ratio for p in pairs)
    return Reading(met, cleared, pair.burn_rate, pair.threshold, slo.name, _speed(pair))


def _speed(pair: BurnPair) -> float:
    return pair.burn_rate / pair.threshold


def _budget(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    threshold, left = level.at_most_ratio or 0.0, slo.error_budget_remaining
    met = left <= threshold and slo.bad >= rule.min_bad_events
    cleared = left > threshold + _BUDGET_MARGIN_RATIO
    return Reading(met, cleared, left, threshold, slo.name, -left)


def _constant(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    rates = [slo.windows[name].burn_rate for name in BURN_WINDOWS]
    threshold, lowest, highest = level.at_least_burn_rate or 1.0, min(rates), max(rates)
    constant = highest - lowest <= CONSTANT_WITHIN_RATIO * highest
    met = constant and lowest >= threshold and _evidence(rule, slo)
    cleared = not constant or highest < threshold * rule.resolve_ratio
    return Reading(met, cleared, lowest, threshold, slo.name, lowest)


def _exhaustion(rule: Rule, inputs: Inputs) -> Readings | None:
    """Read the objective whose budget ends first; one that is spent already is no forecast."""
    forecast, snapshot = inputs.forecast, inputs.snapshot
    if forecast is None or snapshot is None or forecast.data_status is not DataStatus.OK:
        return None
    evidence = {slo.name: _evidence(rule, slo) for slo in snapshot.slos}
    first = min(forecast.slos, key=_order_of_ends, default=None)
    if first is None or _is_end_unknown(first):
        return None
    hours = _hours(first.time_to_exhaustion_hours)
    trusted = first.confidence_level != "low" and first.error_budget_remaining > 0
    trusted = trusted and evidence.get(first.name, False)
    return tuple(
        Reading(
            met=trusted and hours <= limit,
            cleared=hours > limit / rule.resolve_ratio or first.error_budget_remaining <= 0,
            observed=hours,
            threshold=limit,
            slo=first.name,
        )
        for limit in (level.within_hours or 0.0 for level in rule.levels)
    )


def _is_end_unknown(slo: SloForecast) -> bool:
    return slo.forecast_status == "catching_up" and slo.error_budget_remaining > 0


def _order_of_ends(slo: SloForecast) -> tuple[float, bool]:
    """Return what puts first what ends first; what is not known comes before what never does."""
    return _hours(slo.time_to_exhaustion_hours), not _is_end_unknown(slo)


def _hours(hours: float | None) -> float:
    return float("inf") if hours is None else hours


def _evidence(rule: Rule, slo: SloStatus, window_seconds: int = DAY) -> bool:
    """Whether enough bad events lie behind the burn rate of a window of that length.

    They are counted in the longest window of the snapshot that is no longer than it.
    """
    known = [name for name, seconds in BURN_WINDOWS.items() if seconds <= window_seconds]
    return slo.windows[known[-1]].bad >= rule.min_bad_events


_READERS: Final[dict[RuleKind, Callable[[Rule, Level, SloStatus], Reading]]] = {
    "risk_level": _risk,
    "burn_rate": _burn,
    "budget_left": _budget,
    "constant_burn": _constant,
}
