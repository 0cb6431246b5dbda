"""What the gateway reads from the environment."""

from decimal import Decimal
from pathlib import Path

from pydantic import Field, SecretStr

from common.config.settings import (
    AdmissionSettings,
    DatabaseSettings,
    KafkaSettings,
    RedisSettings,
    Settings,
)
from common.slo.freshness import SHARD_SILENCE_SECONDS


class GatewaySettings(Settings, KafkaSettings, DatabaseSettings, RedisSettings, AdmissionSettings):
    """Where the gateway listens and how long it waits."""

    port: int = 8000
    shard_silence_seconds: float = Field(SHARD_SILENCE_SECONDS, gt=0)
    """Without a sign of life for so long a shard's figures are shown as lagging."""
    forecast_lifetime_seconds: float = Field(90, gt=0)
    """Each forecast is made anew within 30 s; one that is older than this is out of date."""
    compute_timeout_seconds: float = Field(5, gt=0)
    override_visible_seconds: float = Field(5, gt=0)
    """How long an override waits for a decision that names it before it is answered 202."""
    channel_test_timeout_seconds: float = Field(8, gt=0)
    default_objective: Decimal = Field(
        Decimal("0.999"), gt=0, lt=1, validation_alias="DEFAULT_OBJECTIVE"
    )
    """Of the virtual target, until a snapshot brings the one in force; as burnrate has it."""
    default_window_days: int = Field(30, validation_alias="DEFAULT_WINDOW_DAYS")
    ready_seconds: float = Field(1, ge=0, le=60)
    """An answer on all services is at most this much older than what it shows."""
    exported_services: int = Field(1000, ge=0, le=10_000)
    """How many services have SLO metrics on /metrics, about ten series for each objective."""
    dashboard_dir: Path | None = None
    """The built dashboard; without it the gateway serves the API alone."""
    ai_base_url: str | None = Field(None, validation_alias="AI_BASE_URL")
    """Where a language model that speaks OpenAI's protocol phrases narratives; unset: nowhere."""
    ai_model: str = Field("default", validation_alias="AI_MODEL")
    ai_api_key: SecretStr | None = Field(None, validation_alias="AI_API_KEY")
    ai_timeout_seconds: float = Field(10, gt=0, le=120, validation_alias="AI_TIMEOUT_SECONDS")
    ai_wait_seconds: float = Field(2, ge=0, le=30, validation_alias="AI_WAIT_SECONDS")
    ai_calls_per_hour: int = Field(120, ge=1, validation_alias="AI_CALLS_PER_HOUR")
    ai_send_descriptions: bool = Field(default=False, validation_alias="AI_SEND_DESCRIPTIONS")
    """Let the model see what owners wrote, as quoted data; it can repeat nothing of it."""
    body_limit_bytes: int = Field(65_536, ge=1024, validation_alias="BURNLINE_API_BODY_BYTES")
