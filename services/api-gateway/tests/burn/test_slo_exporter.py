"""SLO metrics: what is exported of each objective, and what is not when it is not known."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from api_gateway.catalog.cache import CatalogCache
from api_gateway.projections.handlers import Projections
from api_gateway.settings import GatewaySettings
from api_gateway.slo_exporter import PROCESS, SloMetrics, exported
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support.burn_events import NOW, for_target, heartbeat, slo_status, snapshot
from tests.support.gateway.harness import GatewayHarness

FIGURES = (
    "burnline_slo_error_budget_remaining_ratio",
    "burnline_slo_composite_burn_rate",
    "burnline_slo_risk_level",
)
OF_CHECKOUT = {"service": "checkout", "indicator": "default", "slo": "default"}


async def scraped(gateway: GatewayHarness, limit: int = 1000) -> CollectorRegistry:
    parts, registry = gateway.services, CollectorRegistry()
    await parts.get(CatalogCache).in_use()
    registry.register(
        SloMetrics(parts.get(CatalogCache), parts.get(Projections), parts.clock, limit)
    )
    return registry


async def test_an_objective_is_exported_with_all_its_figures(gateway: GatewayHarness) -> None:
    await gateway.service("checkout")
    target = await gateway.target(name="main", objective=0.99)
    slo = for_target(
        target,
        burn_rate_5m=4.0,
        burn_rate_1h=2.0,
        burn_rate_24h=1.0,
        composite_burn_rate=2.55,
        error_budget_remaining=-0.25,
        risk_level=RiskLevel.FREEZE,
    )
    await gateway.feed(snapshot("checkout", slo), *(heartbeat(shard) for shard in range(4)))
    found = await scraped(gateway)
    labels = {**OF_CHECKOUT, "slo": "main"}
    assert found.get_sample_value("burnline_slo_objective_ratio", labels) == 0.99
    assert [found.get_sample_value(name, labels) for name in FIGURES] == [-0.25, 2.55, 3]
    rates = [
        found.get_sample_value("burnline_slo_burn_rate", {**labels, "window": window})
        for window in ("5m", "1h", "24h")
    ]
    assert rates == [4.0, 2.0, 1.0]
    assert found.get_sample_value("burnline_slo_data_status", {**labels, "status": "ok"}) == 1


@pytest.mark.parametrize("status", DataStatus)
async def test_figures_are_exported_only_while_they_are_known(
    gateway: GatewayHarness, status: DataStatus
) -> None:
    await gateway.service("checkout")
    shot = snapshot("checkout", slo_status(data_status=status), data_status=status)
    await gateway.feed(shot, *(heartbeat(shard) for shard in range(4)))
    found = await scraped(gateway)
    known = status in {DataStatus.OK, DataStatus.NO_TRAFFIC}
    found_now = [found.get_sample_value(name, OF_CHECKOUT) is not None for name in FIGURES]
    assert found_now == [known] * len(FIGURES)
    assert found.get_sample_value("burnline_slo_objective_ratio", OF_CHECKOUT) == 0.999
    assert found.get_sample_value("burnline_gateway_services", {"status": status.value}) == 1


async def test_figures_of_a_silent_shard_go_away(gateway: GatewayHarness) -> None:
    await gateway.service("checkout")
    await gateway.feed(snapshot("checkout"), *(heartbeat(shard) for shard in range(4)))
    found = await scraped(gateway)
    assert found.get_sample_value(FIGURES[0], OF_CHECKOUT) is not None
    gateway.now[0] = NOW + timedelta(minutes=5)
    assert found.get_sample_value(FIGURES[0], OF_CHECKOUT) is None


async def test_a_deleted_service_is_not_exported(gateway: GatewayHarness) -> None:
    await gateway.service("checkout")
    await gateway.feed(snapshot("checkout"), *(heartbeat(shard) for shard in range(4)))
    await gateway.write("DELETE", "/api/services/checkout")
    found = await scraped(gateway)
    assert found.get_sample_value("burnline_slo_objective_ratio", OF_CHECKOUT) is None


async def test_the_number_of_services_is_bounded_and_says_so(gateway: GatewayHarness) -> None:
    for name in ("b", "a", "c"):
        await gateway.service(name)
    found = await scraped(gateway, limit=2)
    found_now = [
        found.get_sample_value("burnline_slo_objective_ratio", {**OF_CHECKOUT, "service": n})
        for n in ("a", "b", "c")
    ]
    assert found_now == [0.999, 0.999, None]
    assert found.get_sample_value("burnline_gateway_services_left_out") == 1
    assert found.get_sample_value("burnline_gateway_services", {"status": "no_data"}) == 3


async def test_nothing_is_exported_before_the_catalog_is_known(gateway: GatewayHarness) -> None:
    parts = gateway.services
    collector = SloMetrics(parts.get(CatalogCache), parts.get(Projections), parts.clock, 10)
    assert list(collector.collect()) == []


async def test_the_process_exports_its_newest_gateway(gateway: GatewayHarness) -> None:
    settings = GatewaySettings.model_validate(
        {"database_url": "postgresql://nobody@127.0.0.1:1/none", "exported_services": 5}
    )
    await gateway.service("checkout")
    await gateway.of(CatalogCache).in_use()
    caught_up = asyncio.Event()
    caught_up.set()

    def found_now() -> float | None:
        return REGISTRY.get_sample_value("burnline_slo_objective_ratio", OF_CHECKOUT)

    with exported(gateway.services, settings, caught_up):
        with exported(gateway.services, settings, caught_up):
            assert found_now() == 0.999
            assert REGISTRY.get_sample_value("burnline_gateway_caught_up") == 1
            assert REGISTRY.get_sample_value("burnline_gateway_stream_clients") == 0
        assert found_now() is None
    assert PROCESS.source is None
