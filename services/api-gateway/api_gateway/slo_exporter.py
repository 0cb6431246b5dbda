"""The SLOs as Prometheus metrics, for whoever has dashboards and alerts there already.

Figures are given only while they are known: what is stale, lagging or has never reported is absent
rather than a value of yesterday. Every gateway gives the same: take
`max by (service, indicator, slo)`.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.domain import Service
from api_gateway.metrics import CAUGHT_UP, STREAM_CLIENTS
from api_gateway.projections.change_feed import ChangeLog
from api_gateway.projections.handlers import Projections
from api_gateway.release.domain import feature_release
from api_gateway.routers.dependencies import Services
from api_gateway.settings import GatewaySettings
from common.config.clock import Clock
from common.events import SloStatus
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS

KNOWN: Final = frozenset({DataStatus.OK, DataStatus.NO_TRAFFIC})

_LABELS = ("service", "indicator", "slo")
_FAMILIES: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "slo_objective_ratio": ("The objective, 0 to 1", _LABELS),
    "slo_error_budget_remaining_ratio": (
        "Share of the error budget that is left; negative when overspent",
        _LABELS,
    ),
    "slo_error_budget_remaining_most_ratio": (
        "The same if nothing uncertain was bad; absent where nothing is uncertain",
        _LABELS,
    ),
    "slo_burn_rate": (
        "Burn rate by window; 1 spends the budget in exactly the SLO window",
        (*_LABELS, "window"),
    ),
    "slo_composite_burn_rate": ("Weighted burn rate of all windows", _LABELS),
    "slo_composite_burn_rate_least": (
        "The same if nothing uncertain was bad; absent where nothing is uncertain",
        _LABELS,
    ),
    "slo_risk_level": ("0 SAFE, 1 OBSERVE, 2 DANGER, 3 FREEZE", _LABELS),
    "slo_data_status": (
        "1 for the status that the objective's data has; figures are given for ok, no_traffic",
        (*_LABELS, "status"),
    ),
    "release_state": (
        "1 for what the gate answers for a feature: ALLOW, WARN, BLOCK, UNKNOWN, OVERRIDDEN",
        ("service", "state"),
    ),
    "gateway_services": ("Services in use by data status", ("status",)),
    "gateway_services_left_out": ("Services without SLO metrics, by the setting", ()),
}

Families = dict[str, GaugeMetricFamily]


@contextmanager
def exported(
    services: Services, settings: GatewaySettings, caught_up: asyncio.Event
) -> Iterator[None]:
    """Have /metrics show a gateway and its SLOs for as long as the block lasts."""
    changes, limit = services.get(ChangeLog), settings.exported_services
    STREAM_CLIENTS.set_function(changes.streams.total)
    CAUGHT_UP.set_function(caught_up.is_set)
    own = SloMetrics(services.get(CatalogCache), services.get(Projections), services.clock, limit)
    PROCESS.source = own
    try:
        yield
    finally:
        if PROCESS.source is own:
            PROCESS.source = None


class SloMetrics(Collector):
    """Makes the families when it is asked, of at most `limit` services, the first by name."""

    def __init__(
        self, catalog: CatalogCache, projections: Projections, clock: Clock, limit: int
    ) -> None:
        self._catalog, self._projections = catalog, projections
        self._clock, self._limit = clock, limit

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the families as they are now; nothing before the catalog is known."""
        in_use, now = self._catalog.known, self._clock()
        if in_use is None:
            return
        families = _families()
        statuses, snapshots = dict.fromkeys(DataStatus, 0), self._projections.snapshots
        for number, service in enumerate(in_use.services):
            state = snapshots.state(service.name, in_use.targets[service.name], now)
            statuses[state.data_status] += 1
            if number >= self._limit:
                continue
            for slo in state.slos:
                _add(families, (service.name, slo.indicator, slo.name), slo)
            self._add_release(families, service, now)
        for status, services in statuses.items():
            families["gateway_services"].add_metric([status.value], services)
        left_out = max(0, len(in_use.services) - self._limit)
        families["gateway_services_left_out"].add_metric([], left_out)
        yield from families.values()

    def _add_release(self, families: Families, service: Service, now: datetime) -> None:
        known = self._projections
        overrides = known.overrides.in_force(service.name, now)
        release = feature_release(known.decisions.newest(service.name), service, overrides, now)
        if release is not None:
            families["release_state"].add_metric((service.name, release.state), 1)


class ProcessMetrics(Collector):
    """What the registry asks: it shows the gateway that this process runs, the newest one."""

    def __init__(self) -> None:
        self.source: SloMetrics | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give the families without samples."""
        yield from _families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the families as they are now; nothing without a gateway."""
        if self.source is not None:
            yield from self.source.collect()


PROCESS: Final = ProcessMetrics()


def _families() -> Families:
    """Return one scrape's families, without samples."""
    return {
        name: GaugeMetricFamily(f"burnline_{name}", text, labels=labels)
        for name, (text, labels) in _FAMILIES.items()
    }


def _add(families: Families, labels: Sequence[str], slo: SloStatus) -> None:
    families["slo_objective_ratio"].add_metric(labels, slo.objective)
    families["slo_data_status"].add_metric((*labels, slo.data_status.value), 1)
    if slo.data_status not in KNOWN:
        return
    families["slo_error_budget_remaining_ratio"].add_metric(labels, slo.error_budget_remaining)
    families["slo_composite_burn_rate"].add_metric(labels, slo.composite_burn_rate)
    families["slo_risk_level"].add_metric(labels, [*RiskLevel].index(slo.risk_level))
    for name, figure in (
        ("slo_error_budget_remaining_most_ratio", slo.error_budget_remaining_most),
        ("slo_composite_burn_rate_least", slo.composite_burn_rate_least),
    ):
        if figure is not None:
            families[name].add_metric(labels, figure)
    for window in BURN_WINDOWS:
        rate = getattr(slo, f"burn_rate_{window}")
        families["slo_burn_rate"].add_metric((*labels, window), rate)


REGISTRY.register(PROCESS)
