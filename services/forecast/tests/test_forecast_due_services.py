"""Which forecast is due, and when: on a change soon, otherwise within the interval."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec

from common.events import BurnRateSnapshot, ServiceChanged, encode
from common.kafka.topics import BURNRATES, CATALOG
from common.slo.vocabulary import DataStatus, RiskLevel
from forecast.domain.due_services import DueServices, Pace
from forecast.handlers import Retired, catalog_handler
from forecast.settings import ForecastSettings
from forecast.work import ForecastWork
from tests.support.burn_events import NOW, heartbeat, slo_status, snapshot
from tests.support.kafka_records import record

INTERVAL, SOONEST, SILENCE = timedelta(seconds=30), timedelta(seconds=3), timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def levels_of(*names: str) -> DueServices:
    """Return a shard whose services were just forecast."""
    levels = DueServices(Pace(INTERVAL, SOONEST, SILENCE))
    for name in names:
        levels.on_snapshot(snapshot(name), NOW)
    assert sorted(levels.due(NOW)) == sorted(names)
    for name in names:
        levels.done(name, NOW)
    assert levels.due(NOW) == []
    return levels


def newer(name: str, seconds: float, **fields: Any) -> BurnRateSnapshot:
    """Return a later snapshot, its only objective changed by `fields`."""
    slo = msgspec.structs.replace(slo_status(), **fields)
    return snapshot(name, slo, evaluated_at=NOW + seconds * SECOND)


def test_every_service_is_due_again_within_the_interval_and_not_all_at_once() -> None:
    names = [f"service-{n}" for n in range(200)]
    levels = levels_of(*names)
    levels.on_heartbeat(heartbeat(0, NOW + 29 * SECOND))
    by_second = [len(levels.due(NOW + n * SECOND)) for n in range(31)]
    assert by_second[24] == 0
    assert by_second[30] == 200
    steps = [later - earlier for earlier, later in pairwise(by_second)]
    assert max(steps) < 80


def test_a_change_of_level_status_or_budget_is_due_soon_and_rarely() -> None:
    changes: list[dict[str, Any]] = [
        {"risk_level": RiskLevel.FREEZE},
        {"data_status": DataStatus.STALE},
        {"error_budget_remaining": 0.5},
        {"revision": 3},
    ]
    for change in changes:
        levels = levels_of("checkout")
        levels.on_snapshot(newer("checkout", 1, **change), NOW + SECOND)
        assert levels.due(NOW + 2 * SECOND) == []
        assert levels.due(NOW + 3 * SECOND) == ["checkout"]
        levels = levels_of("checkout")
        levels.on_snapshot(newer("checkout", 10, **change), NOW + 10 * SECOND)
        assert levels.due(NOW + 10 * SECOND) == ["checkout"]


def test_other_figures_wait_for_their_turn() -> None:
    levels = levels_of("checkout")
    levels.on_snapshot(newer("checkout", 5, composite_burn_rate=1.9, bad=7), NOW + 5 * SECOND)
    assert levels.due(NOW + 20 * SECOND) == []
    assert levels.snapshots["checkout"].slos[0].bad == 7


def test_an_older_snapshot_changes_nothing() -> None:
    levels = levels_of("checkout")
    old = newer("checkout", -1, risk_level=RiskLevel.FREEZE)
    levels.on_snapshot(old, NOW + SECOND)
    zombie = msgspec.structs.replace(newer("checkout", 9, risk_level=RiskLevel.FREEZE), epoch=0)
    levels.on_snapshot(zombie, NOW + SECOND)
    assert levels.due(NOW + 5 * SECOND) == []


def test_all_are_due_when_the_shard_falls_silent_and_when_it_speaks_again() -> None:
    levels = levels_of("cart", "checkout")
    fell = NOW + SILENCE
    for name in ("cart", "checkout"):
        levels.done(name, NOW + 29 * SECOND)
    assert not levels.silent(fell - timedelta(microseconds=1))
    assert levels.silent(fell)
    assert sorted(levels.due(fell)) == ["cart", "checkout"]
    for name in ("cart", "checkout"):
        levels.done(name, fell)
    assert levels.due(fell + SECOND) == []
    levels.on_heartbeat(heartbeat(0, fell + SECOND))
    assert sorted(levels.due(fell + SECOND)) == ["cart", "checkout"]


def test_a_shard_that_was_never_heard_of_is_silent() -> None:
    assert DueServices(Pace(INTERVAL, SOONEST, SILENCE)).silent(NOW)


def test_records_of_burn_rates_are_taken_and_bad_ones_left() -> None:
    work = ForecastWork(ForecastSettings(), lambda: NOW)
    levels = work.services[2] = DueServices(Pace(INTERVAL, SOONEST, SILENCE))
    values = [b"{", None, encode(snapshot("checkout")), encode(heartbeat(2))]
    work.observe(2, [record(BURNRATES.name, value) for value in values])
    assert list(levels.snapshots) == ["checkout"]
    assert not levels.silent(NOW)


async def test_the_newest_revision_says_whether_a_service_is_shown() -> None:
    retired = Retired()
    on_catalog = catalog_handler(retired)

    def changed(revision: int, *, gone: bool) -> bytes:
        return encode(ServiceChanged(revision, 1, "checkout", 1, "team", None, gone))

    for revision, gone in ((1, False), (3, True), (2, False)):
        await on_catalog([record(CATALOG.name, changed(revision, gone=gone))])
    await on_catalog([record(CATALOG.name, b"?"), record(CATALOG.name, None)])
    assert "checkout" in retired
    assert "cart" not in retired
    await on_catalog([record(CATALOG.name, changed(4, gone=False))])
    assert "checkout" not in retired
