"""Settings of delivery, from the environment."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from alerts.delivery.guard import Network
from alerts.delivery.outcome import RetryPolicy
from common.config.settings import Listed, prefixed


class DeliverySettings(BaseSettings):
    """Bounds of delivery, and the addresses it may call."""

    model_config = prefixed("ALERTS_DELIVERY_")

    external_url: str = Field("http://127.0.0.1:8000", validation_alias="ALERTS_EXTERNAL_URL")
    allowed_networks: Listed[Network] = Field((), validation_alias="ALERTS_ALLOWED_NETWORKS")
    apprise_schemes: Listed[str] = Field((), validation_alias="ALERTS_APPRISE_SCHEMES")
    channel_concurrency: int = Field(1, ge=1, le=64, validation_alias="ALERTS_DELIVERY_CONCURRENCY")
    timeout_seconds: float = Field(5.0, gt=0, le=5)
    lease_seconds: float = Field(15.0, gt=0, le=3600)
    idle_seconds: float = Field(1.0, gt=0, le=60)
    first_retry_seconds: float = Field(1.0, gt=0)
    longest_retry_seconds: float = Field(300.0, gt=0)
    max_attempts: int = Field(20, ge=1)
    max_age_hours: float = Field(24.0, gt=0)
    repeat_seconds: float = Field(60.0, gt=0, le=180)
    keep_days: float = Field(30.0, gt=0)

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
