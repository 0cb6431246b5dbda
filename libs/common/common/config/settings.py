"""Settings that several services share, read from the environment."""

import socket
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.config.transport_security import (
    ENCRYPTED_MODES,
    PostgresAddress,
    TlsFiles,
    check_fetchable,
    client_context,
    postgres_address,
    refuse_plaintext,
)


def _split_list(value: object) -> object:
    """Split what the environment gives as one text; lists need not be JSON."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


T = TypeVar("T")
Listed = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_split_list)]
"""Several values, separated by commas."""
HOSTNAME: Final = "hostname"


def prefixed(prefix: str) -> SettingsConfigDict:
    """Return the configuration of settings whose variables are the prefix and the field's name.

    They are aliases, so that the error for a wrong value names its variable.
    """
    return SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: prefix + name.upper()),
        env_ignore_empty=True,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # what is wrong may stand beside a password
    )


class AccessSettings(BaseSettings):
    """Who is let in over HTTP, and how often."""

    model_config = prefixed("BURNLINE_")

    api_token: SecretStr | None = None
    """The key to begin with, which has the scope `admin`."""
    read_token: SecretStr | None = None
    """A key with the scope `read` that also services without API keys know: for /metrics."""
    reads_need_key: bool = False
    cors_origins: Listed[str] = ()
    """Origins whose pages may call the API; none by default."""
    writes_per_second: float = Field(100, gt=0)
    write_burst: int = Field(1000, ge=1)
    reads_per_second: float = Field(1000, gt=0)
    read_burst: int = Field(10_000, ge=1)
    """Of each key; of each address where reads need no key."""
    oidc_issuer: str | None = None
    """Whose tokens are taken beside API keys; unset: nobody's."""
    oidc_audience: str | None = None
    oidc_jwks_file: FilePath | None = None
    oidc_jwks_url: str | None = None
    oidc_scope_claim: str = "scope"
    oidc_scope_prefix: str = "burnline:"
    """A provider serves many: `admin` of another product must open nothing here."""

    @model_validator(mode="after")
    def _identity_is_whole(self) -> Self:
        if self.oidc_issuer is None:
            return self
        if self.oidc_audience is None:
            raise ValueError(
                "BURNLINE_OIDC_ISSUER needs BURNLINE_OIDC_AUDIENCE: without it a token that was "
                "made for another product would be taken"
            )
        if (self.oidc_jwks_file is None) == (self.oidc_jwks_url is None):
            raise ValueError(
                "BURNLINE_OIDC_ISSUER needs BURNLINE_OIDC_JWKS_FILE or BURNLINE_OIDC_JWKS_URL: "
                "one of them"
            )
        check_fetchable("BURNLINE_OIDC_JWKS_URL", self.oidc_jwks_url)
        return self


# uvicorn's own variable, which was documented before
_TRUSTED_PROXIES = AliasChoices("BURNLINE_TRUSTED_PROXIES", "FORWARDED_ALLOW_IPS")


class Settings(AccessSettings):
    """The part that every process has. An empty variable counts as not set."""

    host: str = "127.0.0.1"
    data_dir: Path = Path(".burnline")
    debug: bool = Field(default=False, validation_alias="DEBUG")
    trusted_proxies: Listed[str] = Field((), validation_alias=_TRUSTED_PROXIES)
    """Addresses and networks whose X-Forwarded-For is believed; by default nobody's."""
    most_connections: int = Field(1000, ge=1)
    most_connections_of_address: int = Field(256, ge=1)
    """Of each address but those of trusted proxies."""
    body_timeout_seconds: float = Field(30, gt=0)
    """How long the body of a request may take to come."""
    # from the signal to stop until the port closes: longer than whoever asks /readyz takes to see
    drain_seconds: float = Field(0, ge=0, le=300)

    @model_validator(mode="after")
    def _proxies_are_addresses(self) -> Self:
        for proxy in self.trusted_proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"BURNLINE_TRUSTED_PROXIES: `{proxy}` is no address or network such as "
                    "10.0.0.7 or 10.0.0.0/24: whoever is trusted may name any address as a "
                    "caller's"
                ) from None
        return self


class PlaintextSettings(BaseSettings):
    """The servers on other machines that may be reached in plaintext."""

    model_config = Settings.model_config

    allow_plaintext: Listed[str] = ()


class KafkaSettings(PlaintextSettings):
    """The broker's address and security, and the number of shards."""

    bootstrap_servers: Listed[str] = Field(
        ("127.0.0.1:9092",), validation_alias="KAFKA_BOOTSTRAP_SERVERS"
    )
    partitions: int = Field(4, ge=1, le=1024)
    kafka_instance_id: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._-]{1,249}$", validation_alias="BURNLINE_INSTANCE_ID"
    )
    """The same for a process and the one that takes its place, and for no other of its service.

    `hostname` stands for the machine's name: that of a container or pod.
    """
    kafka_session_seconds: float = Field(
        10, ge=6, le=1800, validation_alias="KAFKA_SESSION_TIMEOUT_SECONDS"
    )
    """How long a consumer may be silent before its group gives its shards to others."""
    unready_seconds: float = Field(15, gt=0, validation_alias="BURNLINE_UNREADY_SECONDS")
    """From here on a process that has fetched or committed nothing says that it is not ready."""
    replication_factor: int = Field(1, ge=1, validation_alias="KAFKA_REPLICATION_FACTOR")
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", validation_alias="KAFKA_SECURITY_PROTOCOL"
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", validation_alias="KAFKA_SASL_MECHANISM"
    )
    kafka_username: str | None = Field(None, validation_alias="KAFKA_SASL_USERNAME")
    kafka_password: SecretStr | None = Field(None, validation_alias="KAFKA_SASL_PASSWORD")
    kafka_ca_file: FilePath | None = Field(None, validation_alias="KAFKA_SSL_CA_FILE")
    kafka_cert_file: FilePath | None = Field(None, validation_alias="KAFKA_SSL_CERT_FILE")
    kafka_key_file: FilePath | None = Field(None, validation_alias="KAFKA_SSL_KEY_FILE")
    kafka_key_password: SecretStr | None = Field(None, validation_alias="KAFKA_SSL_KEY_PASSWORD")

    @model_validator(mode="after")
    def _kafka_is_spoken_to_safely(self) -> Self:
        if not self.kafka_protocol.endswith("SSL"):
            hosts = [server.rpartition(":")[0] for server in self.bootstrap_servers]
            fix = "set KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL, and KAFKA_SSL_CA_FILE"
            refuse_plaintext("kafka", hosts, self.allow_plaintext, fix)
        if self.kafka_protocol.startswith("SASL") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={self.kafka_protocol} needs KAFKA_SASL_USERNAME and "
                "KAFKA_SASL_PASSWORD"
            )
        return self

    def group_instance_id(self) -> str | None:
        """Return as whom a consumer joins its group, so that it is known again after a crash."""
        named = self.kafka_instance_id
        return socket.gethostname() if named == HOSTNAME else named

    def client_options(self) -> dict[str, Any]:
        """Return the options of every aiokafka client."""
        return {"bootstrap_servers": list(self.bootstrap_servers), **self.security_options()}

    def security_options(self) -> dict[str, Any]:
        """Return the options of encryption and authentication."""
        options: dict[str, Any] = {"security_protocol": self.kafka_protocol}
        if self.kafka_protocol.endswith("SSL"):
            files = TlsFiles(self.kafka_ca_file, self.kafka_cert_file, self.kafka_key_file)
            options["ssl_context"] = client_context(
                files, key_password=_revealed(self.kafka_key_password)
            )
        if self.kafka_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.kafka_mechanism
            options["sasl_plain_username"] = self.kafka_username
            options["sasl_plain_password"] = _revealed(self.kafka_password)
        return options


class DatabaseSettings(PlaintextSettings):
    """The address and security of PostgreSQL."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    pool_size: int = Field(5, ge=1, validation_alias="DATABASE_POOL_SIZE")
    # how long a frozen process may hold a shard's row
    idle_transaction_seconds: float = Field(
        15, gt=0, validation_alias="DATABASE_IDLE_TRANSACTION_SECONDS"
    )
    database_ssl_mode: (
        Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None
    ) = Field(None, validation_alias="DATABASE_SSL_MODE")
    database_ca_file: FilePath | None = Field(None, validation_alias="DATABASE_SSL_CA_FILE")
    database_cert_file: FilePath | None = Field(None, validation_alias="DATABASE_SSL_CERT_FILE")
    database_key_file: FilePath | None = Field(None, validation_alias="DATABASE_SSL_KEY_FILE")

    @property
    def address(self) -> PostgresAddress:
        """Return the address with its TLS options, of which the URL may hold some."""
        files = TlsFiles(self.database_ca_file, self.database_cert_file, self.database_key_file)
        return postgres_address(self.database_url.get_secret_value(), self.database_ssl_mode, files)

    def connect_options(self) -> dict[str, Any]:
        """Return the arguments of asyncpg's `connect`."""
        address = self.address
        dsn = address.url.replace("postgresql+asyncpg://", "postgresql://", 1)
        return {"dsn": dsn, "ssl": address.ssl()}

    @model_validator(mode="after")
    def _postgres_is_spoken_to_safely(self) -> Self:
        if self.address.mode not in ENCRYPTED_MODES:
            fix = "set DATABASE_SSL_MODE=verify-full and DATABASE_SSL_CA_FILE"
            refuse_plaintext("postgres", self.address.hosts, self.allow_plaintext, fix)
        return self


@dataclass(kw_only=True)
class ConsumerSettings:
    """Every setting that a consumer reads, each from the environment; services add their own."""

    service: Settings = field(default_factory=Settings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)


class RedisSettings(PlaintextSettings):
    """The Redis that caches expensive answers for all replicas; none if unset."""

    redis_url: SecretStr | None = Field(None, validation_alias="REDIS_URL")
    redis_ca_file: FilePath | None = Field(None, validation_alias="REDIS_SSL_CA_FILE")
    redis_cert_file: FilePath | None = Field(None, validation_alias="REDIS_SSL_CERT_FILE")
    redis_key_file: FilePath | None = Field(None, validation_alias="REDIS_SSL_KEY_FILE")

    @model_validator(mode="after")
    def _redis_is_spoken_to_safely(self) -> Self:
        url = urlsplit(_revealed(self.redis_url) or "")
        if url.scheme == "redis":
            fix = "write REDIS_URL as rediss://, and set REDIS_SSL_CA_FILE"
            refuse_plaintext("redis", [url.hostname or ""], self.allow_plaintext, fix)
        return self

    def redis_tls_options(self) -> dict[str, Any]:
        """Return the TLS arguments of a client of rediss://; it verifies the host name."""
        files = {
            "ssl_ca_certs": self.redis_ca_file,
            "ssl_certfile": self.redis_cert_file,
            "ssl_keyfile": self.redis_key_file,
        }
        if not (_revealed(self.redis_url) or "").startswith("rediss:"):
            return {}
        return {name: str(path) for name, path in files.items() if path is not None}


class AdmissionSettings(BaseSettings):
    """How late an event may arrive: the same for HTTP and for the metrics topic."""

    model_config = Settings.model_config

    lateness_hours: float = Field(24, gt=0, le=168, validation_alias="EVENT_LATENESS_HOURS")

    @property
    def lateness(self) -> timedelta:
        """Return the bound as a duration."""
        return timedelta(hours=self.lateness_hours)


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
