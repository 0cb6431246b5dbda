"""Settings of the alerts service."""

from dataclasses import dataclass, field

from pydantic import Field
from pydantic_settings import BaseSettings

from alerts.delivery.settings import DeliverySettings
from common.config.settings import ConsumerSettings, prefixed
from common.slo.freshness import SHARD_SILENCE_SECONDS


class AlertsSettings(BaseSettings):
    """Settings of this service alone."""

    model_config = prefixed("ALERTS_")

    port: int = 8005
    tick_seconds: float = Field(1.0, gt=0, le=60)
    shard_silence_seconds: float = Field(
        SHARD_SILENCE_SECONDS, gt=0, validation_alias="BURNLINE_SHARD_SILENCE_SECONDS"
    )
    retention_days: int = Field(90, ge=1, le=3650)
    purge_seconds: float = Field(600.0, gt=0)
    stall_seconds: float = Field(60.0, gt=0, le=3600)


@dataclass(kw_only=True)
class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    alerts: AlertsSettings = field(default_factory=AlertsSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
