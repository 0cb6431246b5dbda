"""The SLOs as Prometheus metrics, for whoever has dashboards and alerts there already.

Figures are told only while they are known: what is stale, lagging or has never reported is absent
rather than a value of yesterday. Every gateway tells the same: take `max by (service, slo)`.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api_gateway.catalog.cache import CatalogCache
from api_gateway.metrics import CAUGHT_UP, STREAM_CLIENTS
from api_gateway.projections.service_status import ServiceState
from api_gateway.projections.snapshots import ReadModel
from api_gateway.routers.dependencies import Gateway
from api_gateway.settings import GatewaySettings
from common.config.clock import Clock
from common.events import SloStatus
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_WINDOWS

KNOWN: Final = frozenset({DataStatus.OK, DataStatus.NO_TRAFFIC})
LEVELS: Final = {
    RiskLevel.SAFE: 0,
    RiskLevel.OBSERVE: 1,
    RiskLevel.DANGER: 2,
    RiskLevel.FREEZE: 3,
}

_LABELS = ("service", "slo")


@contextmanager
def exported(
    gateway: Gateway, settings: GatewaySettings, caught_up: asyncio.Event
) -> Iterator[None]:
    """Have /metrics tell of a gateway and its SLOs for as long as the block lasts."""
    changes, limit = gateway.changes, settings.exported_services
    STREAM_CLIENTS.set_function(lambda: changes.streams)
    CAUGHT_UP.set_function(caught_up.is_set)
    own = SloMetrics(gateway.roster, gateway.read_model, gateway.clock, limit)
    PROCESS.told = own
    try:
        yield
    finally:
        if PROCESS.told is own:
            PROCESS.told = None


class SloMetrics(Collector):
    """Makes the families when it is asked, of at most `limit` services, the first by name."""

    def __init__(self, roster: CatalogCache, figures: ReadModel, clock: Clock, limit: int) -> None:
        self._roster, self._figures, self._clock, self._limit = roster, figures, clock, limit

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the families as they are now; nothing before the catalog is known."""
        in_use, now = self._roster.known, self._clock()
        if in_use is None:
            return
        families = Families()
        statuses = dict.fromkeys(DataStatus, 0)
        for number, service in enumerate(in_use.services):
            state = self._figures.state(service.name, in_use.targets[service.name], now)
            statuses[state.data_status] += 1
            if number < self._limit:
                families.add(state)
        for status, services in statuses.items():
            families.services.add_metric([status.value], services)
        families.left_out.add_metric([], max(0, len(in_use.services) - self._limit))
        yield from families.all()


class ProcessMetrics(Collector):
    """What the registry asks: it tells of the gateway that this process runs, the newest one."""

    def __init__(self) -> None:
        self.told: SloMetrics | None = None

    def describe(self) -> Sequence[GaugeMetricFamily]:
        """Return the families without samples."""
        return Families().all()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the families as they are now; nothing without a gateway."""
        if self.told is not None:
            yield from self.told.collect()


PROCESS: Final = ProcessMetrics()


class Families:
    """One scrape's families."""

    def __init__(self) -> None:
        self.objective = GaugeMetricFamily(
            "burnline_slo_objective_ratio", "The objective, 0 to 1", labels=_LABELS
        )
        self.remaining = GaugeMetricFamily(
            "burnline_slo_error_budget_remaining_ratio",
            "Share of the error budget that is left; negative when overspent",
            labels=_LABELS,
        )
        self.burn_rate = GaugeMetricFamily(
            "burnline_slo_burn_rate",
            "Burn rate by window; 1 spends the budget in exactly the SLO window",
            labels=(*_LABELS, "window"),
        )
        self.composite = GaugeMetricFamily(
            "burnline_slo_composite_burn_rate", "Weighted burn rate of all windows", labels=_LABELS
        )
        self.risk = GaugeMetricFamily(
            "burnline_slo_risk_level", "0 SAFE, 1 OBSERVE, 2 DANGER, 3 FREEZE", labels=_LABELS
        )
        self.status = GaugeMetricFamily(
            "burnline_slo_data_status",
            "1 for the status that the objective's data has; figures are told for ok, no_traffic",
            labels=(*_LABELS, "status"),
        )
        self.services = GaugeMetricFamily(
            "burnline_gateway_services", "Services in use by data status", labels=("status",)
        )
        self.left_out = GaugeMetricFamily(
            "burnline_gateway_services_left_out", "Services without SLO metrics, by the setting"
        )

    def all(self) -> list[GaugeMetricFamily]:
        """Return every family."""
        return list(vars(self).values())

    def add(self, state: ServiceState) -> None:
        """Add the samples of a service's objectives."""
        for slo in state.slos:
            labels = (state.service_name, slo.name)
            self.objective.add_metric(labels, slo.objective)
            self.status.add_metric((*labels, slo.data_status.value), 1)
            if slo.data_status in KNOWN:
                self._add_figures(labels, slo)

    def _add_figures(self, labels: tuple[str, str], slo: SloStatus) -> None:
        self.remaining.add_metric(labels, slo.error_budget_remaining)
        self.composite.add_metric(labels, slo.composite_burn_rate)
        self.risk.add_metric(labels, LEVELS[slo.risk_level])
        for window in BURN_WINDOWS:
            rate = getattr(slo, f"burn_rate_{window}")
            self.burn_rate.add_metric((*labels, window), rate)


REGISTRY.register(PROCESS)
