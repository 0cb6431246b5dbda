"""Settings of the gate service."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings

from common.config.settings import ConsumerSettings, Settings
from common.policy.files import PolicySettings
from common.slo.freshness import SHARD_SILENCE_SECONDS


class GateSettings(BaseSettings):
    """Settings of this service alone."""

    model_config = Settings.model_config

    port: int = Field(8004, validation_alias="GATE_PORT")
    tick_seconds: float = Field(1.0, gt=0, le=60, validation_alias="GATE_TICK_SECONDS")
    heartbeat_seconds: float = Field(10.0, gt=0, validation_alias="GATE_HEARTBEAT_SECONDS")
    expires_seconds: float = Field(30.0, gt=0, validation_alias="GATE_EXPIRES_SECONDS")
    silent_seconds: float = Field(
        SHARD_SILENCE_SECONDS, gt=0, validation_alias="GATE_SILENT_SECONDS"
    )
    keep_days: int = Field(400, ge=1, validation_alias="GATE_KEEP_DAYS")
    purge_seconds: float = Field(3600.0, gt=0, validation_alias="GATE_PURGE_SECONDS")
    max_bad_ratio: float = Field(0.1, ge=0, le=1, validation_alias="GATE_MAX_BAD_RATIO")
    max_bad_run: int = Field(200, ge=1, validation_alias="GATE_MAX_BAD_RUN")
    stall_seconds: float = Field(60.0, gt=0, le=3600, validation_alias="GATE_STALL_SECONDS")

    @property
    def expires_after(self) -> timedelta:
        """Return how long a decision holds without being confirmed."""
        return timedelta(seconds=self.expires_seconds)


class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = GateSettings()
        self.policies = PolicySettings()
