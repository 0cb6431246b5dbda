"""What burnrate publishes, as tests make it: an objective's figures, snapshots, heartbeats."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from common.events import (
    BurnRateSnapshot,
    IngestCounters,
    ShardHeartbeat,
    SloStatus,
    WindowRate,
    headline,
)
from common.kafka.sharding import shard_of
from common.slo.arithmetic import (
    composite_burn_rate,
    error_budget_consumed,
    error_budget_remaining,
)
from common.slo.risk import cap_risk_level, risk_level
from common.slo.vocabulary import DataStatus, RiskLevel, SliType

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
PARTITIONS = 4


def slo_status(**fields: Any) -> SloStatus:
    """Return an objective's figures; the virtual default one unless asked otherwise."""
    base = SloStatus(
        id=None,
        name="default",
        sli_type=SliType.AVAILABILITY,
        objective=0.999,
        window_days=30,
        threshold_seconds=None,
        max_error_ratio=None,
        min_bad_events=1,
        default=True,
        revision=0,
        total=1000,
        bad=2,
        burn_rate_5m=2.0,
        burn_rate_1h=2.0,
        burn_rate_24h=2.0,
        composite_burn_rate=2.0,
        error_budget_consumed=2.0,
        error_budget_remaining=-1.0,
        risk_level=RiskLevel.DANGER,
        risk_capped=False,
        data_status=DataStatus.OK,
        coverage_ratio=1.0,
        windows={"5m": WindowRate(300, 10, 1, 2.0)},
        burn_pairs=(),
    )
    return msgspec.structs.replace(base, **fields)


def measured(
    windows: Mapping[str, WindowRate],
    slo: tuple[int, int],
    objective: Decimal,
    *,
    min_bad_events: int = 0,
    **fields: Any,
) -> SloStatus:
    """Return the figures that follow from the counts of 5 m, 1 h, 24 h, and (bad, total)."""
    rates = [window.burn_rate for window in windows.values()]
    composite = composite_burn_rate(rates)
    counts = [(window.bad, window.total) for window in windows.values()]
    level = risk_level(composite, counts, objective)
    capped = cap_risk_level(level, windows["24h"].bad, min_bad_events)
    bad, total = slo
    return slo_status(
        objective=float(objective),
        min_bad_events=min_bad_events,
        total=total,
        bad=bad,
        **dict(zip(("burn_rate_5m", "burn_rate_1h", "burn_rate_24h"), rates, strict=True)),
        composite_burn_rate=composite,
        error_budget_consumed=error_budget_consumed(bad, total, objective),
        error_budget_remaining=error_budget_remaining(bad, total, objective),
        risk_level=capped,
        risk_capped=capped is not level,
        windows=dict(windows),
        **fields,
    )


def for_target(target: dict[str, Any], **fields: Any) -> SloStatus:
    """Return figures for a target as the gateway answered it."""
    names = ("id", "name", "objective", "window_days", "threshold_seconds", "max_error_ratio")
    own = {name: target[name] for name in (*names, "min_bad_events", "revision")}
    kind = SliType(target["sli_type"])
    return slo_status(**own, sli_type=kind, default=False, **fields)


def snapshot(service: str, *slos: SloStatus, **fields: Any) -> BurnRateSnapshot:
    """Return a snapshot at NOW."""
    shown = slos or (slo_status(),)
    base = BurnRateSnapshot(
        service_name=service,
        shard=shard_of(service, PARTITIONS),
        epoch=1,
        evaluated_at=NOW,
        applied_through=NOW - timedelta(seconds=1),
        data_status=DataStatus.OK,
        **headline(shown),
        resolution_seconds=10,
        short_window_seconds=300,
        stale_after_seconds=300,
        newest_at=NOW - timedelta(seconds=5),
        counters=IngestCounters(),
        slos=shown,
    )
    return msgspec.structs.replace(base, **fields)


def heartbeat(shard: int, at: datetime = NOW, **fields: Any) -> ShardHeartbeat:
    """Return a sign of life."""
    base = ShardHeartbeat(shard, 1, at, at, 0)
    return msgspec.structs.replace(base, **fields)
