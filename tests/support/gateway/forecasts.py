"""Forecasts as the forecast service publishes them, for tests of the gateway."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from common.events import Exhaustion, ServiceForecast, SloForecast
from common.kafka.sharding import shard_of
from common.slo.vocabulary import DataStatus
from tests.support.burn_events import NOW, PARTITIONS


def slo_forecast(**fields: Any) -> SloForecast:
    """Return an objective's forecast: spent in nine hours, unless asked otherwise."""
    base = SloForecast(
        id=None,
        name="default",
        default=True,
        model="roll_off",
        time_to_exhaustion_hours=9.0,
        projected_exhaustion_time=NOW + timedelta(hours=9),
        p10_hours=6.0,
        p50_hours=9.0,
        p90_hours=None,
        burn_rate_trend="increasing",
        confidence_level="high",
        confidence_reason="a day of points close to their line, and fresh data",
        forecast_message="At the present trend it is spent in about 9 hours.",
        data_points_used=48,
        current_burn_rate=5.4,
        error_budget_remaining=0.21,
        slope_per_hour=0.18,
        fit_ratio=0.61,
        unblocked_at=None,
        unblocked_at_present_rate=None,
        data_status=DataStatus.OK,
        models=(Exhaustion("roll_off", 9.0), Exhaustion("window_over_burn_rate", None)),
    )
    return msgspec.structs.replace(base, **fields)


def spent_in(hours: float | None, at: datetime, **fields: Any) -> SloForecast:
    """Return the forecast of a target: spent in so many hours after an instant, with no spread."""
    ends_at = None if hours is None else at + timedelta(hours=hours)
    given: dict[str, Any] = dict.fromkeys(("p10_hours", "p50_hours", "p90_hours"), hours)
    given |= {"id": 1, "default": False, "projected_exhaustion_time": ends_at, **fields}
    return slo_forecast(time_to_exhaustion_hours=hours, **given)


def forecast_for(target: dict[str, Any], **fields: Any) -> SloForecast:
    """Return a forecast for a target as the gateway answered it."""
    own = {name: target[name] for name in ("id", "name", "revision")}
    return slo_forecast(**own, default=False, **fields)


def service_forecast(service: str, *slos: SloForecast, **fields: Any) -> ServiceForecast:
    """Return a service's forecast of NOW."""
    base = ServiceForecast(
        service_name=service,
        shard=shard_of(service, PARTITIONS),
        epoch=1,
        evaluated_at=NOW,
        data_status=DataStatus.OK,
        slos=slos or (slo_forecast(),),
    )
    return msgspec.structs.replace(base, **fields)
