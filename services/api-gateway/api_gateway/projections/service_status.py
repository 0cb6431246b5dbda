"""What is shown of a service: the catalog's targets with the newest figures on them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from api_gateway.catalog.domain import Target
from common.events import (
    BurnRateSnapshot,
    IngestCounters,
    ShardHeartbeat,
    SloStatus,
    TargetSpec,
    WindowRate,
    headline,
    least_budget_of,
    worst_of,
)
from common.slo.freshness import as_lagging
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS

_PARTICULARS = (
    "counters",
    "newest_at",
    "resolution_seconds",
    "short_window_seconds",
    "stale_after_seconds",
    "shard",
    "epoch",
    "command_id",
    "snapshot_id",
)
"""What a state has of its snapshot as it is."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service at one instant, with all of its objectives in `slos`.

    Level and burn rates are those of its worst objective, `slo_id`; budgets those of the one with
    the least left, `least_budget`.
    What only a snapshot knows is None while there is none.
    """

    service_name: str
    timestamp: datetime
    data_status: DataStatus
    risk_level: RiskLevel
    risk_capped: bool
    burn_rate_5m: float
    burn_rate_1h: float
    burn_rate_24h: float
    composite_burn_rate: float
    composite_burn_rate_least: float | None
    error_budget_consumed: float
    error_budget_remaining: float
    error_budget_remaining_most: float | None
    slo_id: int | None
    slo_name: str
    slos: tuple[SloStatus, ...]
    counters: IngestCounters = field(default_factory=IngestCounters)
    applied_through: datetime | None = None
    newest_at: datetime | None = None
    resolution_seconds: int | None = None
    short_window_seconds: int | None = None
    stale_after_seconds: int | None = None
    shard: int | None = None
    epoch: int | None = None
    command_id: str | None = None
    snapshot_id: str | None = None
    recomputed: bool = False
    """An objective was set or changed of which the snapshot has no figures yet."""

    @property
    def worst(self) -> SloStatus:
        """The objective whose level and burn rates are the service's."""
        return next(slo for slo in self.slos if slo.id == self.slo_id)

    @property
    def least_budget(self) -> SloStatus:
        """The objective with the least of its error budget left."""
        return least_budget_of(self.slos)


def service_state(  # noqa: PLR0913 - everything that has a say
    name: str,
    targets: Sequence[Target],
    snapshot: BurnRateSnapshot | None,
    *,
    default: TargetSpec,
    silent: bool,
    now: datetime,
    heartbeat: ShardHeartbeat | None = None,
) -> ServiceState:
    """Return the state of a service that is in use.

    `default` stands in until a snapshot brings the virtual target in force. `silent` says that
    the shard gives no sign of life. `timestamp` is when the figures were computed; `now` where
    there are none. A heartbeat says how far the shard has got since then without a change worth
    a snapshot.
    """
    known = DataStatus.NO_DATA if snapshot is None else snapshot.data_status
    slos = _slos(targets, snapshot.slos if snapshot else (), as_lagging(known), default)
    status = known
    if silent or any(slo.data_status is DataStatus.LAGGING for slo in slos):
        status = as_lagging(known)
    if silent:
        slos = [
            msgspec.structs.replace(slo, data_status=as_lagging(slo.data_status)) for slo in slos
        ]
    lagging = [slo for slo in slos if slo.data_status is DataStatus.LAGGING]
    worst = worst_of(slos)
    return ServiceState(
        service_name=name,
        timestamp=now if snapshot is None else snapshot.evaluated_at,
        data_status=status,
        risk_capped=worst.risk_capped,
        **headline(slos),
        slo_id=worst.id,
        slo_name=worst.name,
        slos=tuple(slos),
        recomputed=bool(lagging) and known is not DataStatus.LAGGING and not silent,
        **({} if snapshot is None else _particulars(snapshot, heartbeat)),
    )


def _slos(
    targets: Sequence[Target],
    evaluated: Sequence[SloStatus],
    pending: DataStatus,
    default: TargetSpec,
) -> list[SloStatus]:
    """Return what the catalog holds; a figure counts only for the revision it was made for."""
    figures = {slo.id: slo for slo in evaluated}
    if not targets:
        return [figures.get(None) or without_figures(None, default, pending)]
    shown = []
    for target in targets:
        slo = figures.get(target.id)
        if slo is None or slo.revision < target.revision:
            slo = without_figures(target, target.spec, pending)
        shown.append(slo)
    return shown


def without_figures(target: Target | None, spec: TargetSpec, status: DataStatus) -> SloStatus:
    """Return an objective that nothing is known about yet; the default one is no target."""
    return SloStatus(
        id=target.id if target else None,
        **SloStatus.fields_of(spec),
        default=target is None,
        revision=target.revision if target else 0,
        total=0,
        bad=0,
        burn_rate_5m=0.0,
        burn_rate_1h=0.0,
        burn_rate_24h=0.0,
        composite_burn_rate=0.0,
        error_budget_consumed=0.0,
        error_budget_remaining=1.0,
        risk_level=RiskLevel.SAFE,
        risk_capped=False,
        data_status=status,
        coverage_ratio=0.0,
        windows={name: WindowRate(seconds, 0, 0, 0.0) for name, seconds in BURN_WINDOWS.items()},
        burn_pairs=(),
    )


def _particulars(snapshot: BurnRateSnapshot, heartbeat: ShardHeartbeat | None) -> dict[str, Any]:
    applied_through = snapshot.applied_through
    if heartbeat:
        applied_through = max(applied_through, heartbeat.applied_through)
    found = {name: getattr(snapshot, name) for name in _PARTICULARS}
    return {**found, "applied_through": applied_through}
