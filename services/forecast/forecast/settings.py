"""Settings of the forecast service."""

from pydantic import Field
from pydantic_settings import BaseSettings

from common.config.settings import ConsumerSettings, Settings
from common.slo.freshness import SHARD_SILENCE_SECONDS


class ForecastSettings(BaseSettings):
    """The settings of this service alone."""

    model_config = Settings.model_config

    port: int = Field(8003, validation_alias="FORECAST_PORT")
    tick_seconds: float = Field(1.0, gt=0, le=60, validation_alias="FORECAST_TICK_SECONDS")
    interval_seconds: float = Field(
        30.0, gt=0, le=3600, validation_alias="FORECAST_INTERVAL_SECONDS"
    )
    soonest_seconds: float = Field(3.0, ge=0, validation_alias="FORECAST_SOONEST_SECONDS")
    max_per_tick: int = Field(200, ge=1, validation_alias="FORECAST_MAX_PER_TICK")
    reread_seconds: float = Field(300.0, gt=0, validation_alias="FORECAST_REREAD_SECONDS")
    silence_seconds: float = Field(
        SHARD_SILENCE_SECONDS, gt=0, validation_alias="BURNLINE_SHARD_SILENCE_SECONDS"
    )
    stall_seconds: float = Field(60.0, gt=0, le=3600, validation_alias="FORECAST_STALL_SECONDS")


class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    def __init__(self) -> None:
        super().__init__()
        self.forecast = ForecastSettings()
