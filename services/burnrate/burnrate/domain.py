"""From counts to the state of each objective and service. Pure; `now` comes with the counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.arithmetic import (
    PairRule,
    burn_rate,
    cap_risk_level,
    composite_burn_rate,
    error_budget_consumed,
    pair_rules,
    risk_level,
)
from common.events import BurnPair, SloStatus, TargetChanged, WindowRate
from common.slo import DataStatus, RiskLevel, SliType

MIN_SHORT_SECONDS = 300
MIN_STALE_SECONDS = 300
DAY_SECONDS = 86_400

BURN_WINDOWS = {"5m": 300, "1h": 3600, "24h": DAY_SECONDS}
PAIR_WINDOWS = {"30m": 1800, "2h": 7200, "6h": 21_600, "3d": 3 * DAY_SECONDS}
SLO_WINDOW = "slo"


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
        return pair_rules(self.objective, self.window_days)


def default_target(objective: Decimal, window_days: int) -> Target:
    """Return the virtual target of a service that has none."""
    return Target(None, "default", SliType.AVAILABILITY, objective, window_days)


def window_seconds(target: Target, resolution_seconds: int) -> dict[str, int]:
    """Return the length of each window: none is shorter than two reports of the service."""
    floor = 2 * resolution_seconds
    named = {**BURN_WINDOWS, **PAIR_WINDOWS, SLO_WINDOW: target.window_days * DAY_SECONDS}
    return {name: max(seconds, floor) for name, seconds in named.items()}


def stale_after_seconds(resolution_seconds: int) -> int:
    """Return how old a service's newest event may be before its data are stale."""
    return max(MIN_STALE_SECONDS, 3 * resolution_seconds)


def service_status(*, seen: bool, lagging: bool, stale: bool, recent_total: int) -> DataStatus:
    """Return how far a service's figures can be trusted; the first that applies.

    `recent_total` are its requests in the shortest window.
    """
    if not seen:
        return DataStatus.NO_DATA
    if lagging:
        return DataStatus.LAGGING
    if stale:
        return DataStatus.STALE
    return DataStatus.OK if recent_total else DataStatus.NO_TRAFFIC


def slo_data_status(service: DataStatus, slo_total: int, recent_total: int) -> DataStatus:
    """Return the status of one objective, whose requests may be fewer than the service's."""
    if service not in {DataStatus.OK, DataStatus.NO_TRAFFIC}:
        return service
    if not slo_total:
        return DataStatus.NO_TRAFFIC if service is DataStatus.NO_TRAFFIC else DataStatus.NO_DATA
    return DataStatus.OK if recent_total else DataStatus.NO_TRAFFIC


@dataclass(frozen=True, slots=True)
class _Burn:
    windows: dict[str, WindowRate]
    composite: float
    level: RiskLevel
    capped: bool


def _burn(target: Target, lengths: Mapping[str, int], sums: Mapping[str, tuple[int, int]]) -> _Burn:
    windows = {
        name: _window_rate(lengths[name], sums[name], target.objective) for name in BURN_WINDOWS
    }
    composite = composite_burn_rate([window.burn_rate for window in windows.values()])
    counts = [(window.bad, window.total) for window in windows.values()]
    level = risk_level(composite, counts, target.objective)
    shown = cap_risk_level(level, windows["24h"].bad, target.min_bad_events)
    return _Burn(windows, composite, shown, shown is not level)


def evaluate_slo(
    target: Target,
    lengths: Mapping[str, int],
    sums: Mapping[str, tuple[int, int]],
    service: DataStatus,
    requests: int,
) -> SloStatus:
    """Return an objective's state from (total, bad) by window name.

    `requests` is the service's total over the SLO window, of which a latency objective covers
    only what came with a histogram that has its threshold as a bound.
    """
    burn, (total, bad) = _burn(target, lengths, sums), sums[SLO_WINDOW]
    consumed = error_budget_consumed(bad, total, target.objective)
    return SloStatus(
        id=target.id,
        name=target.name,
        sli_type=target.sli_type,
        objective=float(target.objective),
        window_days=target.window_days,
        threshold_seconds=target.threshold_seconds,
        max_error_ratio=target.max_error_float,
        min_bad_events=target.min_bad_events,
        default=target.default,
        revision=target.revision,
        total=total,
        bad=bad,
        burn_rate_5m=burn.windows["5m"].burn_rate,
        burn_rate_1h=burn.windows["1h"].burn_rate,
        burn_rate_24h=burn.windows["24h"].burn_rate,
        composite_burn_rate=burn.composite,
        error_budget_consumed=consumed,
        error_budget_remaining=1 - consumed,
        risk_level=burn.level,
        risk_capped=burn.capped,
        data_status=slo_data_status(service, total, sums["5m"][0]),
        coverage_ratio=_coverage(target, total, requests),
        windows=burn.windows,
        burn_pairs=tuple(_burn_pair(rule, target, sums) for rule in target.pairs()),
    )


_WINDOW_NAMES = {seconds: name for name, seconds in {**BURN_WINDOWS, **PAIR_WINDOWS}.items()}


def worst(statuses: Sequence[SloStatus]) -> SloStatus:
    """Return the objective that speaks for its service: the highest composite burn rate."""
    return max(statuses, key=lambda s: (s.composite_burn_rate, s.error_budget_consumed, s.name))


def _window_rate(seconds: int, counts: tuple[int, int], objective: Decimal) -> WindowRate:
    total, bad = counts
    return WindowRate(seconds, total, bad, burn_rate(bad, total, objective))


def _burn_pair(rule: PairRule, target: Target, sums: Mapping[str, tuple[int, int]]) -> BurnPair:
    rates = []
    for seconds in (rule.long_seconds, rule.short_seconds):
        total, bad = sums[_WINDOW_NAMES[seconds]]
        rates.append(burn_rate(bad, total, target.objective))
    return BurnPair(rule.long_seconds, rule.short_seconds, rule.threshold, min(rates))


def _coverage(target: Target, total: int, requests: int) -> float:
    if target.sli_type is not SliType.LATENCY or not requests:
        return 1.0
    return total / requests
