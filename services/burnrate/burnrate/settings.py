"""Settings of the burnrate service."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings

from common.config.settings import AdmissionSettings, ConsumerSettings, Settings
from common.slo.freshness import SHARD_HEARTBEAT_SECONDS


class BurnrateSettings(BaseSettings):
    """The settings of this service alone."""

    model_config = Settings.model_config

    port: int = Field(8002, validation_alias="BURNRATE_PORT")
    tick_seconds: float = Field(1.0, gt=0, le=60, validation_alias="BURNRATE_TICK_SECONDS")
    heartbeat_seconds: float = Field(
        SHARD_HEARTBEAT_SECONDS, gt=0, validation_alias="BURNRATE_HEARTBEAT_SECONDS"
    )
    lagging_after_seconds: float = Field(15.0, gt=0, validation_alias="BURNRATE_LAGGING_SECONDS")
    purge_seconds: float = Field(600.0, gt=0, validation_alias="BURNRATE_PURGE_SECONDS")
    max_batch_records: int = Field(
        2000, ge=1, le=100_000, validation_alias="BURNRATE_MAX_BATCH_RECORDS"
    )
    max_flush_records: int = Field(
        20_000, ge=1, le=1_000_000, validation_alias="BURNRATE_MAX_FLUSH_RECORDS"
    )
    max_buffered_records: int = Field(
        100_000, ge=1, le=10_000_000, validation_alias="BURNRATE_MAX_BUFFERED_RECORDS"
    )
    max_buffered_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, validation_alias="BURNRATE_MAX_BUFFERED_BYTES"
    )
    max_bad_ratio: float = Field(0.1, ge=0, le=1, validation_alias="BURNRATE_MAX_BAD_RATIO")
    max_bad_run: int = Field(200, ge=1, validation_alias="BURNRATE_MAX_BAD_RUN")
    stall_seconds: float = Field(60.0, gt=0, le=3600, validation_alias="BURNRATE_STALL_SECONDS")
    max_held_dedup_keys: int = Field(10_000_000, ge=1, validation_alias="BURNRATE_MAX_HELD_MARKS")
    max_services: int = Field(10_000, ge=1, validation_alias="BURNRATE_MAX_SERVICES")
    default_objective: Decimal = Field(
        Decimal("0.999"), gt=0, lt=1, validation_alias="DEFAULT_OBJECTIVE"
    )
    # the environment gives text, which a literal does not turn into a number by itself
    default_window_days: Annotated[Literal[7, 14, 28, 30, 90], BeforeValidator(int)] = Field(
        30, validation_alias="DEFAULT_WINDOW_DAYS"
    )


class AllSettings(ConsumerSettings):
    """Every setting that the process reads."""

    def __init__(self) -> None:
        super().__init__()
        self.burnrate = BurnrateSettings()
        self.admission = AdmissionSettings()
