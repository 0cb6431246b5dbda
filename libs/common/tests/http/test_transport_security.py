"""Servers elsewhere are spoken to by TLS, or not at all; each client is given what it needs."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from faststream.kafka import KafkaBroker
from pydantic import ValidationError

from common.config.settings import DatabaseSettings, KafkaSettings, RedisSettings
from common.config.transport_security import TlsFiles, is_here, postgres_address
from common.kafka.subscription import security_of
from common.storage.database import Database, async_url, tls_options
from tests.support.servers.certificates import Authority

ELSEWHERE = "kafka-1.example:9092"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("/run/postgresql", True),
        ("", True),
        ("10.0.0.7", False),
        ("0.0.0.0", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("kafka", False),
    ],
)
def test_what_is_this_machine(host: str, here: bool) -> None:  # noqa: FBT001 - a column
    assert is_here(host) is here


REFUSED: list[tuple[type[Any], dict[str, Any], str, str]] = [
    (
        KafkaSettings,
        {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:9092,{ELSEWHERE}"},
        "kafka",
        "KAFKA_SECURITY_PROTOCOL",
    ),
    (
        KafkaSettings,
        {
            "KAFKA_BOOTSTRAP_SERVERS": ELSEWHERE,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_USERNAME": "u",
            "KAFKA_SASL_PASSWORD": "hush-hush",
        },
        "kafka",
        "KAFKA_SECURITY_PROTOCOL",
    ),
    (
        DatabaseSettings,
        {"DATABASE_URL": "postgresql://me:hush-hush@db:5432/x"},
        "postgres",
        "DATABASE_SSL_MODE",
    ),
    (
        DatabaseSettings,
        {"DATABASE_URL": "postgresql://me:hush-hush@db/x?sslmode=prefer"},
        "postgres",
        "DATABASE_SSL_MODE",
    ),
    (
        DatabaseSettings,
        {"DATABASE_URL": "postgresql:///x?host=db&password=hush-hush"},
        "postgres",
        "DATABASE_SSL_MODE",
    ),
    (RedisSettings, {"REDIS_URL": "redis://:hush-hush@cache:6379/0"}, "redis", "REDIS_URL"),
]


@pytest.mark.parametrize(("kind", "given", "name", "variable"), REFUSED)
def test_plaintext_elsewhere_is_refused_unless_allowed_by_name(
    kind: type[Any], given: dict[str, Any], name: str, variable: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        kind(**given)
    assert variable in str(refused.value)
    assert f"put `{name}` into BURNLINE_ALLOW_PLAINTEXT" in str(refused.value)
    assert "hush" not in str(refused.value)
    others = {"kafka", "postgres", "redis"} - {name}
    with pytest.raises(ValidationError):
        kind(**given, BURNLINE_ALLOW_PLAINTEXT=",".join(others))
    kind(**given, BURNLINE_ALLOW_PLAINTEXT=f"x, {name}")


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092,[::1]:9093"}),
        (KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": ELSEWHERE, "KAFKA_SECURITY_PROTOCOL": "SSL"}),
        (DatabaseSettings, {"DATABASE_URL": "postgresql://me:p@[::1]:5432/x"}),
        (DatabaseSettings, {"DATABASE_URL": "postgresql:///x?host=/run/postgresql"}),
        (DatabaseSettings, {"DATABASE_URL": "postgresql://me@db/x?sslmode=verify-full"}),
        (DatabaseSettings, {"DATABASE_URL": "postgresql://db/x", "DATABASE_SSL_MODE": "require"}),
        (RedisSettings, {"REDIS_URL": "rediss://cache:6379/0"}),
        (RedisSettings, {"REDIS_URL": "unix:///run/redis.sock"}),
        (RedisSettings, {}),
    ],
)
def test_what_is_encrypted_or_stays_here_needs_no_leave(
    kind: type[Any], given: dict[str, Any]
) -> None:
    kind(**given)


def test_a_file_that_is_not_there_is_named_by_its_variable() -> None:
    with pytest.raises(ValidationError, match="KAFKA_SSL_CA_FILE"):
        KafkaSettings(KAFKA_SSL_CA_FILE="/no/such/file.pem")


def test_sasl_needs_a_name_and_a_password() -> None:
    with pytest.raises(ValidationError, match="KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"):
        KafkaSettings(KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_USERNAME="u")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_every_kafka_client_is_given_the_same_security(
    mechanism: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    own = authority.sign("client", password="open sesame")
    kafka = KafkaSettings(
        KAFKA_BOOTSTRAP_SERVERS=ELSEWHERE,
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM=mechanism,
        KAFKA_SASL_USERNAME="burnline",
        KAFKA_SASL_PASSWORD="hush",
        KAFKA_SSL_CA_FILE=authority.file,
        KAFKA_SSL_CERT_FILE=own.certificate,
        KAFKA_SSL_KEY_FILE=own.key,
        KAFKA_SSL_KEY_PASSWORD="open sesame",
    )
    options = kafka.client_options()
    context = options["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.get_ca_certs()
    consumer = AIOKafkaConsumer(**options)  # takes them all
    await consumer.stop()
    broker = KafkaBroker(ELSEWHERE, security=security_of(kafka))
    given = broker._connection_kwargs
    assert given["security_protocol"] == options["security_protocol"] == "SASL_SSL"
    assert given["sasl_mechanism"] == options["sasl_mechanism"] == mechanism
    assert given["sasl_plain_username"] == options["sasl_plain_username"] == "burnline"
    assert given["sasl_plain_password"] == options["sasl_plain_password"] == "hush"
    assert given["ssl_context"].verify_mode == ssl.CERT_REQUIRED


MODES = [
    ("require", None, ssl.CERT_NONE, False),
    ("require", "ca", ssl.CERT_REQUIRED, False),
    ("verify-ca", "ca", ssl.CERT_REQUIRED, False),
    ("verify-full", "ca", ssl.CERT_REQUIRED, True),
    ("verify-full", None, ssl.CERT_REQUIRED, True),
]


@pytest.mark.parametrize(("mode", "ca", "verify", "hostname"), MODES)
def test_modes_mean_what_they_mean_to_libpq(
    mode: str,
    ca: str | None,
    verify: ssl.VerifyMode,
    hostname: bool,  # noqa: FBT001 - a column
    tmp_path: Path,
) -> None:
    files = TlsFiles(Authority(tmp_path).file if ca else None)
    context = postgres_address("postgresql://db/x", mode, files).ssl()
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (verify, hostname)


def test_options_of_the_address_are_taken_out_and_used(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    url = f"postgresql://me:p%40ss@db:5432/x?sslmode=verify-full&sslrootcert={authority.file}&a=b"
    settings = DatabaseSettings(DATABASE_URL=url)
    address = settings.address
    assert address.url == "postgresql://me:p%40ss@db:5432/x?a=b"
    assert address.files.ca == authority.file
    assert async_url(address.url) == "postgresql+asyncpg://me:p%40ss@db:5432/x?a=b"
    assert isinstance(tls_options(settings)["ssl"], ssl.SSLContext)
    assert settings.connect_options()["dsn"] == address.url
    Database.connect(settings, "test")
    beside = DatabaseSettings(DATABASE_URL=url, DATABASE_SSL_MODE="disable",
                              allow_plaintext="postgres")  # fmt: skip
    assert tls_options(beside) == {"ssl": False}


@pytest.mark.parametrize(
    "url", ["postgresql:///x?host=/run", "postgresql://a:b%3F@h/x", "postgresql+asyncpg://h/x"]
)
def test_an_address_without_options_stays_as_it_is(url: str) -> None:
    settings = DatabaseSettings(DATABASE_URL=url, allow_plaintext="postgres")
    assert settings.address.url == url
    assert tls_options(settings) == {}


def test_redis_is_given_its_files_only_with_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.sign("client")
    files: dict[str, Any] = {
        "REDIS_SSL_CA_FILE": authority.file,
        "REDIS_SSL_CERT_FILE": own.certificate,
        "REDIS_SSL_KEY_FILE": own.key,
    }
    settings = RedisSettings(REDIS_URL="rediss://cache/0", **files)
    assert settings.redis_tls_options() == {
        "ssl_ca_certs": str(authority.file),
        "ssl_certfile": str(own.certificate),
        "ssl_keyfile": str(own.key),
    }
    assert RedisSettings(REDIS_URL="redis://127.0.0.1/0", **files).redis_tls_options() == {}
