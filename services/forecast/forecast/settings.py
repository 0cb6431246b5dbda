"""Settings of the forecast service."""

from dataclasses import dataclass, field

from pydantic import Field
from pydantic_settings import BaseSettings

from common.config.settings import ConsumerSettings, prefixed
from common.slo.freshness import SHARD_SILENCE_SECONDS


class ForecastSettings(BaseSettings):
    """The settings of this service alone."""

    model_config = prefixed("FORECAST_")

    port: int = 8003
    tick_seconds: float = Field(1.0, gt=0, le=60)
    interval_seconds: float = Field(30.0, gt=0, le=3600)
    soonest_seconds: float = Field(3.0, ge=0)
    max_per_tick: int = Field(200, ge=1)
    reread_seconds: float = Field(300.0, gt=0)
    silence_seconds: float = Field(
        SHARD_SILENCE_SECONDS, gt=0, validation_alias="BURNLINE_SHARD_SILENCE_SECONDS"
    )
    stall_seconds: float = Field(60.0, gt=0, le=3600)


@dataclass(kw_only=True)
class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    forecast: ForecastSettings = field(default_factory=ForecastSettings)
