"""Settings that several services share, read from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _listed(value: object) -> object:
    """Split what the environment gives as one text; lists need not be JSON."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Several values, separated by commas."""


class AccessSettings(BaseSettings):
    """Who is let in over HTTP, and how often."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, populate_by_name=True, extra="ignore", frozen=True
    )

    api_token: SecretStr | None = Field(None, validation_alias="BURNLINE_API_TOKEN")
    """The key to begin with, which has the scope `admin`."""
    read_token: SecretStr | None = Field(None, validation_alias="BURNLINE_READ_TOKEN")
    """A key with the scope `read` that also services without API keys know: for /metrics."""
    reads_need_key: bool = Field(default=False, validation_alias="BURNLINE_READS_NEED_KEY")
    cors_origins: Listed = Field((), validation_alias="BURNLINE_CORS_ORIGINS")
    """Origins whose pages may call the API; none by default."""
    writes_per_second: float = Field(100, gt=0, validation_alias="BURNLINE_WRITES_PER_SECOND")
    write_burst: int = Field(1000, ge=1, validation_alias="BURNLINE_WRITE_BURST")
    reads_per_second: float = Field(1000, gt=0, validation_alias="BURNLINE_READS_PER_SECOND")
    read_burst: int = Field(10_000, ge=1, validation_alias="BURNLINE_READ_BURST")
    """Of each key; of each address where reads need no key."""


class Settings(AccessSettings):
    """The part that every process has. An empty variable counts as not set."""

    host: str = Field("127.0.0.1", validation_alias="BURNLINE_HOST")
    data_dir: Path = Field(Path(".burnline"), validation_alias="BURNLINE_DATA_DIR")
    debug: bool = Field(default=False, validation_alias="DEBUG")
    body_timeout_seconds: float = Field(30, gt=0, validation_alias="BURNLINE_BODY_TIMEOUT_SECONDS")
    """How long the body of a request may take to come."""
    # from the signal to stop until the port closes: longer than whoever asks /readyz takes to see
    drain_seconds: float = Field(0, ge=0, le=300, validation_alias="BURNLINE_DRAIN_SECONDS")


class KafkaSettings(BaseSettings):
    """Where the broker is and how the input topics are cut into shards."""

    model_config = Settings.model_config

    bootstrap_servers: Listed = Field(
        ("127.0.0.1:9092",), validation_alias="KAFKA_BOOTSTRAP_SERVERS"
    )
    partitions: int = Field(4, ge=1, le=1024, validation_alias="BURNLINE_PARTITIONS")
    replication_factor: int = Field(1, ge=1, validation_alias="KAFKA_REPLICATION_FACTOR")
    broker: Literal["kafka", "memory"] = Field("kafka", validation_alias="BURNLINE_BROKER")

    def client_options(self) -> dict[str, Any]:
        """Return what every aiokafka client is given."""
        return {"bootstrap_servers": list(self.bootstrap_servers)}


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is; the plain form of the address is taken as it is."""

    model_config = Settings.model_config

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    pool_size: int = Field(5, ge=1, validation_alias="DATABASE_POOL_SIZE")
    # how long a frozen process may hold a shard's row
    idle_transaction_seconds: float = Field(
        15, gt=0, validation_alias="DATABASE_IDLE_TRANSACTION_SECONDS"
    )


class AdmissionSettings(BaseSettings):
    """How late an event may come: the same for HTTP and for the metrics topic."""

    model_config = Settings.model_config

    lateness_hours: float = Field(24, gt=0, le=168, validation_alias="EVENT_LATENESS_HOURS")

    @property
    def lateness(self) -> timedelta:
        """Return the bound as a duration."""
        return timedelta(hours=self.lateness_hours)
