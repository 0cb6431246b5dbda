"""Settings of the burnrate service."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings

from common.config.settings import AdmissionSettings, ConsumerSettings, prefixed
from common.slo.freshness import SHARD_HEARTBEAT_SECONDS


class BurnrateSettings(BaseSettings):
    """The settings of this service alone."""

    model_config = prefixed("BURNRATE_")

    port: int = 8002
    tick_seconds: float = Field(1.0, gt=0, le=60)
    heartbeat_seconds: float = Field(SHARD_HEARTBEAT_SECONDS, gt=0)
    lagging_after_seconds: float = Field(15.0, gt=0, validation_alias="BURNRATE_LAGGING_SECONDS")
    purge_seconds: float = Field(600.0, gt=0)
    max_batch_records: int = Field(2000, ge=1, le=100_000)
    max_flush_records: int = Field(20_000, ge=1, le=1_000_000)
    max_buffered_records: int = Field(100_000, ge=1, le=10_000_000)
    max_buffered_bytes: int = Field(64 * 1024 * 1024, ge=1024)
    max_bad_ratio: float = Field(0.1, ge=0, le=1)
    max_bad_run: int = Field(200, ge=1)
    stall_seconds: float = Field(60.0, gt=0, le=3600)
    max_held_dedup_keys: int = Field(10_000_000, ge=1, validation_alias="BURNRATE_MAX_HELD_MARKS")
    max_services: int = Field(10_000, ge=1)
    default_objective: Decimal = Field(
        Decimal("0.999"), gt=0, lt=1, validation_alias="DEFAULT_OBJECTIVE"
    )
    # the environment gives text, which a literal does not turn into a number by itself
    default_window_days: Annotated[Literal[7, 14, 28, 30, 90], BeforeValidator(int)] = Field(
        30, validation_alias="DEFAULT_WINDOW_DAYS"
    )


@dataclass(kw_only=True)
class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    burnrate: BurnrateSettings = field(default_factory=BurnrateSettings)
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
