"""Settings of the gate service."""

from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings

from common.config.settings import ConsumerSettings, prefixed
from common.policy.files import PolicySettings
from common.slo.freshness import SHARD_SILENCE_SECONDS


class GateSettings(BaseSettings):
    """Settings of this service alone."""

    model_config = prefixed("GATE_")

    port: int = 8004
    tick_seconds: float = Field(1.0, gt=0, le=60)
    heartbeat_seconds: float = Field(10.0, gt=0)
    expires_seconds: float = Field(30.0, gt=0)
    silent_seconds: float = Field(SHARD_SILENCE_SECONDS, gt=0)
    keep_days: int = Field(400, ge=1)
    purge_seconds: float = Field(3600.0, gt=0)
    max_bad_ratio: float = Field(0.1, ge=0, le=1)
    max_bad_run: int = Field(200, ge=1)
    stall_seconds: float = Field(60.0, gt=0, le=3600)

    @property
    def expires_after(self) -> timedelta:
        """Return how long a decision holds without being confirmed."""
        return timedelta(seconds=self.expires_seconds)


@dataclass(kw_only=True)
class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    gate: GateSettings = field(default_factory=GateSettings)
    policies: PolicySettings = field(default_factory=PolicySettings)
