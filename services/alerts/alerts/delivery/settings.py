"""Settings of delivery, from the environment."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from alerts.delivery.guard import Network
from alerts.delivery.outcome import RetryPolicy
from common.config.settings import Settings


class DeliverySettings(BaseSettings):
    """Bounds of delivery, and the addresses it may call."""

    model_config = Settings.model_config

    external_url: str = Field("http://127.0.0.1:8000", validation_alias="ALERTS_EXTERNAL_URL")
    allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), validation_alias="ALERTS_ALLOWED_NETWORKS"
    )
    apprise_schemes: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias="ALERTS_APPRISE_SCHEMES"
    )
    channel_concurrency: int = Field(1, ge=1, le=64, validation_alias="ALERTS_DELIVERY_CONCURRENCY")
    timeout_seconds: float = Field(
        5.0, gt=0, le=5, validation_alias="ALERTS_DELIVERY_TIMEOUT_SECONDS"
    )
    lease_seconds: float = Field(
        15.0, gt=0, le=3600, validation_alias="ALERTS_DELIVERY_LEASE_SECONDS"
    )
    idle_seconds: float = Field(1.0, gt=0, le=60, validation_alias="ALERTS_DELIVERY_IDLE_SECONDS")
    first_retry_seconds: float = Field(
        1.0, gt=0, validation_alias="ALERTS_DELIVERY_FIRST_RETRY_SECONDS"
    )
    longest_retry_seconds: float = Field(
        300.0, gt=0, validation_alias="ALERTS_DELIVERY_LONGEST_RETRY_SECONDS"
    )
    max_attempts: int = Field(20, ge=1, validation_alias="ALERTS_DELIVERY_MAX_ATTEMPTS")
    max_age_hours: float = Field(24.0, gt=0, validation_alias="ALERTS_DELIVERY_MAX_AGE_HOURS")
    repeat_seconds: float = Field(
        60.0, gt=0, le=180, validation_alias="ALERTS_DELIVERY_REPEAT_SECONDS"
    )
    keep_days: float = Field(30.0, gt=0, validation_alias="ALERTS_DELIVERY_KEEP_DAYS")

    @field_validator("allowed_networks", "apprise_schemes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _a_lease_outlives_its_attempt(self) -> Self:
        if self.lease_seconds <= self.timeout_seconds:
            raise ValueError(
                "ALERTS_DELIVERY_LEASE_SECONDS must be greater than "
                "ALERTS_DELIVERY_TIMEOUT_SECONDS, or an attempt under way is made twice"
            )
        return self

    def retry_policy(self) -> RetryPolicy:
        """Return the bounds of retrying."""
        return RetryPolicy(
            self.first_retry_seconds,
            self.longest_retry_seconds,
            self.max_attempts,
            self.max_age_hours * 3600,
        )
