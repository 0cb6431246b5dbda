"""Which forecast is due, and when: on a change soon, otherwise within the interval."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec

from common.events import BurnRateSnapshot, ServiceChanged, encode
from common.kafka.topics import BURNRATES, CATALOG
from common.kafka.unreadable import event_handler
from common.slo.vocabulary import DataStatus, RiskLevel
from forecast.domain.due_services import DueServices, Pace
from forecast.handlers import Retired
from forecast.settings import ForecastSettings
from forecast.work import ForecastWork
from tests.support.burn_events import NOW, heartbeat, slo_status, snapshot
from tests.support.kafka_records import record

INTERVAL, SOONEST, SILENCE = timedelta(seconds=30), timedelta(seconds=3), timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def services_of(*names: str) -> DueServices:
    """Return a shard whose services were just forecast."""
    services = DueServices(Pace(INTERVAL, SOONEST, SILENCE))
    for name in names:
        services.apply(snapshot(name), NOW)
    assert sorted(services.due(NOW)) == sorted(names)
    for name in names:
        services.done(services.snapshots[name], NOW, catching_up=False)
    assert services.due(NOW) == []
    return services


def newer(name: str, seconds: float, **fields: Any) -> BurnRateSnapshot:
    """Return a later snapshot, its only objective changed by `fields`."""
    slo = msgspec.structs.replace(slo_status(), **fields)
    return snapshot(name, slo, evaluated_at=NOW + seconds * SECOND)


def test_every_service_is_due_again_within_the_interval_and_not_all_at_once() -> None:
    names = [f"service-{n}" for n in range(200)]
    services = services_of(*names)
    services.apply(heartbeat(0, NOW + 29 * SECOND), NOW)
    by_second = [len(services.due(NOW + n * SECOND)) for n in range(31)]
    assert by_second[24] == 0
    assert by_second[30] == 200
    steps = [later - earlier for earlier, later in pairwise(by_second)]
    assert max(steps) < 80


def test_a_change_of_level_status_budget_or_counts_is_due_soon_and_rarely() -> None:
    changes: list[dict[str, Any]] = [
        {"risk_level": RiskLevel.FREEZE},
        {"data_status": DataStatus.STALE},
        {"error_budget_remaining": 0.5},
        {"revision": 3},
        {"total": 1021},
        {"total": 979},
        {"bad": 3},
    ]
    for change in changes:
        services = services_of("checkout")
        services.apply(newer("checkout", 1, **change), NOW + SECOND)
        assert services.due(NOW + 2 * SECOND) == []
        assert services.due(NOW + 3 * SECOND) == ["checkout"]
        services = services_of("checkout")
        services.apply(newer("checkout", 10, **change), NOW + 10 * SECOND)
        assert services.due(NOW + 10 * SECOND) == ["checkout"]


def test_other_figures_wait_for_their_turn() -> None:
    services = services_of("checkout")
    services.apply(newer("checkout", 5, composite_burn_rate=1.9, total=1020), NOW + 5 * SECOND)
    assert services.due(NOW + 20 * SECOND) == []
    assert services.snapshots["checkout"].slos[0].total == 1020


def test_a_service_that_is_catching_up_or_has_changed_meanwhile_is_due_soon() -> None:
    services = services_of("checkout")
    shown = services.snapshots["checkout"]
    services.done(shown, NOW, catching_up=True)
    assert services.due(NOW + 2 * SECOND) == []
    assert services.due(NOW + 3 * SECOND) == ["checkout"]

    services.done(shown, NOW, catching_up=False)
    services.apply(newer("checkout", 1, risk_level=RiskLevel.FREEZE), NOW + SECOND)
    services.done(shown, NOW + SECOND, catching_up=False)  # made of what it was a moment ago
    assert services.due(NOW + 4 * SECOND) == ["checkout"]


def test_an_older_snapshot_changes_nothing() -> None:
    services = services_of("checkout")
    old = newer("checkout", -1, risk_level=RiskLevel.FREEZE)
    services.apply(old, NOW + SECOND)
    zombie = msgspec.structs.replace(newer("checkout", 9, risk_level=RiskLevel.FREEZE), epoch=0)
    services.apply(zombie, NOW + SECOND)
    assert services.due(NOW + 5 * SECOND) == []


def test_all_are_due_when_the_shard_falls_silent_and_when_it_speaks_again() -> None:
    services = services_of("cart", "checkout")
    fell = NOW + SILENCE
    for name in ("cart", "checkout"):
        services.done(services.snapshots[name], NOW + 29 * SECOND, catching_up=False)
    assert not services.silent(fell - timedelta(microseconds=1))
    assert services.silent(fell)
    assert sorted(services.due(fell)) == ["cart", "checkout"]
    for name in ("cart", "checkout"):
        services.done(services.snapshots[name], fell, catching_up=False)
    assert services.due(fell + SECOND) == []
    services.apply(heartbeat(0, fell + SECOND), fell + SECOND)
    assert sorted(services.due(fell + SECOND)) == ["cart", "checkout"]


def test_a_shard_that_was_never_heard_of_is_silent() -> None:
    assert DueServices(Pace(INTERVAL, SOONEST, SILENCE)).silent(NOW)


def test_records_of_burn_rates_are_taken_and_bad_ones_left() -> None:
    work = ForecastWork(ForecastSettings(), lambda: NOW)
    services = work.services[2] = DueServices(Pace(INTERVAL, SOONEST, SILENCE))
    values = [b"{", None, encode(snapshot("checkout")), encode(heartbeat(2))]
    work.observe(2, [record(BURNRATES.name, value) for value in values])
    assert list(services.snapshots) == ["checkout"]
    assert not services.silent(NOW)


async def test_the_newest_revision_says_whether_a_service_is_shown() -> None:
    retired = Retired()
    on_catalog = event_handler(retired.apply)

    def changed(revision: int, *, gone: bool) -> bytes:
        return encode(ServiceChanged(revision, 1, "checkout", 1, "team", None, gone))

    for revision, gone in ((1, False), (3, True), (2, False)):
        await on_catalog([record(CATALOG.name, changed(revision, gone=gone))])
    await on_catalog([record(CATALOG.name, b"?"), record(CATALOG.name, None)])
    assert "checkout" in retired
    assert "cart" not in retired
    await on_catalog([record(CATALOG.name, changed(4, gone=False))])
    assert "checkout" not in retired
