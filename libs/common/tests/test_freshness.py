"""One rule of silence and one of order, and that every service that needs them follows it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest

from alerts.domain import shard_state as alerts_state
from api_gateway.projections.snapshots import ReadModel
from common.decisions import decision as gate_decision
from common.decisions.decision import ShardSign
from common.events import ShardHeartbeat
from common.events.catalog import TargetSpec
from common.slo.freshness import (
    SHARD_SILENCE_SECONDS,
    ShardLiveness,
    as_lagging,
    is_silent,
    stale_after_seconds,
)
from common.slo.ordering import is_newer
from common.slo.vocabulary import DataStatus
from forecast.domain.due_services import DueServices, Pace
from tests.support.burn_events import snapshot
from tests.support.gate_inputs import inputs

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMIT: Final = timedelta(seconds=SHARD_SILENCE_SECONDS)
MICROSECOND: Final = timedelta(microseconds=1)
AGES: Final = [
    (None, True),
    (timedelta(0), False),
    (LIMIT - MICROSECOND, False),
    (LIMIT, True),
    (LIMIT + MICROSECOND, True),
]


def beat(at: datetime, shard: int = 0) -> ShardHeartbeat:
    return ShardHeartbeat(shard, 1, at, at, 1)


def by_forecast(heard_at: datetime | None) -> bool:
    services = DueServices(Pace(timedelta(seconds=30), timedelta(seconds=3), LIMIT))
    if heard_at is not None:
        services.apply(beat(heard_at), NOW)
    return services.silent(NOW)


def by_alerts(heard_at: datetime | None) -> bool:
    state = alerts_state.ShardState({})
    if heard_at is not None:
        state.observe(beat(heard_at))
    return state.is_silent(NOW, LIMIT)


def by_gateway(heard_at: datetime | None) -> bool:
    model = ReadModel(LIMIT, TargetSpec.default(Decimal("0.999"), 30))
    if heard_at is not None:
        model.apply_heartbeat(beat(heard_at, shard=2))
    return model.silent(2, NOW)


def by_gate(heard_at: datetime | None) -> bool:
    sign = None if heard_at is None else ShardSign(1, heard_at, heard_at)
    given = inputs(now=NOW, silent_after_seconds=SHARD_SILENCE_SECONDS, sign=sign, snapshot=None)
    return gate_decision.is_silent(given)


@pytest.mark.parametrize(("age", "silent"), AGES)
@pytest.mark.parametrize("decides", [by_forecast, by_alerts, by_gateway, by_gate])
def test_every_service_calls_the_same_shard_silent(
    decides: Callable[[datetime | None], bool], age: timedelta | None, *, silent: bool
) -> None:
    heard_at = None if age is None else NOW - age
    assert decides(heard_at) is silent
    assert is_silent(heard_at, NOW, LIMIT) is silent


def test_an_older_sign_of_life_changes_nothing() -> None:
    liveness = ShardLiveness()
    liveness.hear(NOW)
    liveness.hear(NOW - LIMIT)
    assert liveness.heard_at == NOW
    liveness.hear(NOW + MICROSECOND)
    assert liveness.heard_at == NOW + MICROSECOND


@pytest.mark.parametrize(("resolution", "seconds"), [(10, 300), (100, 300), (101, 303)])
def test_figures_are_stale_after_three_reports_and_no_sooner_than_five_minutes(
    resolution: int, seconds: int
) -> None:
    assert stale_after_seconds(resolution) == seconds


@pytest.mark.parametrize("status", DataStatus)
def test_what_lags_is_lagging_unless_nothing_was_ever_known(status: DataStatus) -> None:
    expected = DataStatus.NO_DATA if status is DataStatus.NO_DATA else DataStatus.LAGGING
    assert as_lagging(status) is expected


def test_a_new_owner_is_newer_whatever_its_clock_and_a_repeat_is_not() -> None:
    known = snapshot("checkout", epoch=2, evaluated_at=NOW)
    assert is_newer(known, None)
    assert not is_newer(known, known)
    assert is_newer(snapshot("checkout", epoch=3, evaluated_at=NOW - LIMIT), known)
    assert not is_newer(snapshot("checkout", epoch=1, evaluated_at=NOW + LIMIT), known)
    assert is_newer(snapshot("checkout", epoch=2, evaluated_at=NOW + MICROSECOND), known)
