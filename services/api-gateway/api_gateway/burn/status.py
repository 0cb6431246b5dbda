"""The figures of an objective from counts, as burnrate publishes them. Pure."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from api_gateway.projections.service_status import without_figures
from common.events import BurnPair, BurnRateSnapshot, SloStatus, TargetSpec, WindowRate
from common.slo.arithmetic import burn_rate, composite_burn_rate, error_budget_remaining
from common.slo.risk import cap_risk_level, level_at, settled_composite
from common.slo.vocabulary import DataStatus
from common.slo.windows import BURN_PAIRS, BURN_WINDOWS, DAY, HOUR, pair_rules

STATUS_WINDOWS = tuple(sorted({HOUR, DAY, *(seconds for pair in BURN_PAIRS for seconds in pair)}))
"""The windows beside the shortest and that of the objective, in seconds."""


def status_of(
    spec: TargetSpec,
    target_id: int | None,
    snapshot: BurnRateSnapshot,
    counted: Sequence[tuple[int, int]],
) -> SloStatus:
    """Return the figures of a target; `counted` are (bad, total) of the windows.

    These are the shortest one, STATUS_WINDOWS, and the target's own.
    """
    short, *middle, slo = counted
    by_window = {**dict(zip(STATUS_WINDOWS, middle, strict=True)), BURN_WINDOWS["5m"]: short}
    burn = [by_window[seconds] for seconds in BURN_WINDOWS.values()]
    rates = [burn_rate(*pair, spec.objective) for pair in burn]
    settled = settled_composite(composite_burn_rate(rates), burn, spec.objective)
    level, known = level_at(settled), snapshot.slos[0]
    shown = cap_risk_level(level, by_window[DAY][0], spec.min_bad_events)
    return replace(
        without_figures(None, spec, _status(snapshot, short[1], slo[1])),
        id=target_id,
        default=target_id is None,
        total=slo[1],
        bad=slo[0],
        burn_rate_5m=rates[0],
        burn_rate_1h=rates[1],
        burn_rate_24h=rates[2],
        composite_burn_rate=float(settled),
        error_budget_consumed=burn_rate(*slo, spec.objective),
        error_budget_remaining=error_budget_remaining(*slo, spec.objective),
        risk_level=shown,
        risk_capped=shown is not level,
        coverage_ratio=known.coverage_ratio,
        windows={
            name: WindowRate(seconds, by_window[seconds][1], by_window[seconds][0], rate)
            for (name, seconds), rate in zip(BURN_WINDOWS.items(), rates, strict=True)
        },
        burn_pairs=_pairs(spec, by_window),
        reported_seconds=known.reported_seconds,
    )


def _pairs(spec: TargetSpec, by_window: Mapping[int, tuple[int, int]]) -> tuple[BurnPair, ...]:
    rates = {seconds: burn_rate(*pair, spec.objective) for seconds, pair in by_window.items()}
    return tuple(
        BurnPair(
            rule.long_seconds,
            rule.short_seconds,
            rule.threshold,
            min(rates[rule.long_seconds], rates[rule.short_seconds]),
            by_window[rule.long_seconds][0],
        )
        for rule in pair_rules(spec.objective, spec.window_days)
    )


def _status(snapshot: BurnRateSnapshot, recent_total: int, slo_total: int) -> DataStatus:
    if snapshot.data_status not in {DataStatus.OK, DataStatus.NO_TRAFFIC}:
        return snapshot.data_status
    if not slo_total:
        return DataStatus.NO_DATA
    return DataStatus.OK if recent_total else DataStatus.NO_TRAFFIC
