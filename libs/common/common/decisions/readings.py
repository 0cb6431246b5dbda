"""Readings of a rule: how far a service meets each level, and by which figures. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from common.alerting.rules import RISK_ORDER, Level, Rule, RuleKind
from common.events import BurnPair, BurnRateSnapshot, ServiceForecast, SloForecast, SloStatus
from common.slo.risk import RISK_BOUNDARIES
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS

CONSTANT_WITHIN_RATIO: Final = 0.02
"""Burn rates of 5 min, 1 h and 24 h that differ by no more count as constant."""

_BUDGET_MARGIN_RATIO: Final = 0.01  # above the threshold, before the level counts as cleared


@dataclass(frozen=True)
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

    @cached_property
    def objectives(self) -> dict[str, SloStatus]:
        """The objectives whose figures can be trusted, by name."""
        if self.snapshot is None or self.status is not DataStatus.OK:
            return {}
        return {s.name: s for s in self.snapshot.slos if s.data_status is DataStatus.OK}


@dataclass(frozen=True, slots=True)
class Reading:
    """A level read for a service: met, cleared, or neither (between the two thresholds).

    `observed` and `threshold` are in the unit of the rule's kind; `slo` is the objective that
    they belong to, None where they are the service's.
    """

    met: bool
    cleared: bool
    observed: float
    threshold: float
    slo: str | None = None


Readings = tuple[Reading, ...]
"""One reading for each of the rule's levels, in their order."""

SERVICE: Final = ""
"""Stands for the service as a whole where others are named by their objective."""


def read(rule: Rule, inputs: Inputs) -> dict[str, Readings]:
    """Return the readings of a rule by objective, or by SERVICE where its kind has none.

    What is missing cannot be evaluated now, and everything about it stays: its data are missing,
    late or without traffic.
    """
    if reader := _SERVICE_READERS.get(rule.kind):
        return {SERVICE: tuple(reader(level, inputs) for level in rule.levels)}
    if rule.kind == "exhaustion":
        return _exhaustion(rule, inputs)
    read_level = _READERS[rule.kind]
    return {
        name: tuple([read_level(rule, level, slo) for level in rule.levels])
        for name, slo in inputs.objectives.items()
    }


def is_gone(rule: Rule, slo: str, inputs: Inputs) -> bool:
    """Return whether a rule does not watch an objective any more, since the service has it not."""
    if rule.kind in _SERVICE_READERS:
        return slo != SERVICE
    if inputs.snapshot is None or inputs.silent:
        return False
    return all(found.name != slo for found in inputs.snapshot.slos)


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
    return Reading(met, cleared, observed, boundary, slo.name)


def _burn(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    """Read the pair furthest over its threshold that there is evidence for.

    An objective may be too low for any pair.
    """
    windows = level.long_windows_seconds or ()
    pairs = [pair for pair in slo.burn_pairs if pair.long_seconds in windows]
    if not pairs:
        return Reading(met=False, cleared=True, observed=0.0, threshold=0.0, slo=slo.name)
    over = [p for p in pairs if p.burn_rate > p.threshold and _pair_evidence(rule, slo, p)]
    met, pair = bool(over), max(over or pairs, key=_speed)
    cleared = all(_speed(p) < rule.resolve_ratio for p in pairs)
    return Reading(met, cleared, pair.burn_rate, pair.threshold, slo.name)


def _speed(pair: BurnPair) -> float:
    return pair.burn_rate / pair.threshold


def _budget(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    threshold, left = level.at_most_ratio or 0.0, slo.error_budget_remaining
    met = left <= threshold and slo.bad >= rule.min_bad_events
    cleared = left > threshold + _BUDGET_MARGIN_RATIO
    return Reading(met, cleared, left, threshold, slo.name)


def _constant(rule: Rule, level: Level, slo: SloStatus) -> Reading:
    rates = [slo.windows[name].burn_rate for name in BURN_WINDOWS]
    threshold, lowest, highest = level.at_least_burn_rate or 1.0, min(rates), max(rates)
    constant = highest - lowest <= CONSTANT_WITHIN_RATIO * highest
    met = constant and lowest >= threshold and _evidence(rule, slo)
    cleared = not constant or highest < threshold * rule.resolve_ratio
    return Reading(met, cleared, lowest, threshold, slo.name)


def _exhaustion(rule: Rule, inputs: Inputs) -> dict[str, Readings]:
    """Read when each budget ends; one that is spent already is no forecast."""
    forecast, snapshot = inputs.forecast, inputs.snapshot
    if forecast is None or snapshot is None or inputs.status is not DataStatus.OK:
        return {}
    evidence = {slo.name: _evidence(rule, slo) for slo in snapshot.slos}
    return {
        slo.name: tuple(
            _ends_within(rule, level.within_hours or 0.0, slo, evidence=evidence[slo.name])
            for level in rule.levels
        )
        for slo in forecast.slos
        if slo.name in evidence and _is_end_known(slo)
    }


def _ends_within(rule: Rule, limit: float, slo: SloForecast, *, evidence: bool) -> Reading:
    hours = _hours(slo.time_to_exhaustion_hours)
    spent = slo.error_budget_remaining <= 0
    trusted = evidence and slo.confidence_level != "low" and not spent
    return Reading(
        met=trusted and hours <= limit,
        cleared=spent or hours > limit / rule.resolve_ratio,
        observed=hours,
        threshold=limit,
        slo=slo.name,
    )


def _is_end_known(slo: SloForecast) -> bool:
    waits = slo.forecast_status == "catching_up" and slo.error_budget_remaining > 0
    return slo.data_status is DataStatus.OK and not waits


def _hours(hours: float | None) -> float:
    return float("inf") if hours is None else hours


def _evidence(rule: Rule, slo: SloStatus) -> bool:
    """Whether enough bad events of a day lie behind a burn rate."""
    return slo.windows["24h"].bad >= rule.min_bad_events


def _pair_evidence(rule: Rule, slo: SloStatus, pair: BurnPair) -> bool:
    """Whether enough bad events lie behind the burn rate of a pair.

    They are counted in its long window. A snapshot of a burnrate of before has only the windows of
    the composite: the longest of these that is no longer.
    """
    if rule.evidence_window == "slo":
        return slo.bad >= rule.min_bad_events
    if pair.bad is not None:
        return pair.bad >= rule.min_bad_events
    known = [name for name, seconds in BURN_WINDOWS.items() if seconds <= pair.long_seconds]
    return slo.windows[known[-1]].bad >= rule.min_bad_events


_SERVICE_READERS: Final[dict[RuleKind, Callable[[Level, Inputs], Reading]]] = {
    "data_stale": _stale,
    "good_over_total": _invalid_counts,
}
_READERS: Final[dict[RuleKind, Callable[[Rule, Level, SloStatus], Reading]]] = {
    "risk_level": _risk,
    "burn_rate": _burn,
    "budget_left": _budget,
    "constant_burn": _constant,
}
