"""Kafka, PostgreSQL and Redis by TLS, with certificates on both sides, by settings alone."""

import asyncio
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from burnline.localstack.command import Command
from burnline.localstack.kafka import KafkaNode, kafka_node
from burnline.localstack.places import project_root
from burnline.localstack.ports import LOOPBACK, Reservations
from common.config.settings import DatabaseSettings, KafkaSettings, RedisSettings
from common.kafka.client import Publisher, Record, TableReader
from common.kafka.subscription import Subscription, count_shards
from common.kafka.topics import CATALOG, METRICS, ensure_topics
from common.storage.database import Database
from tests.support.servers.certificates import Authority, Signed
from tests.support.servers.running import held_port, running
from tests.support.waiting import PATIENCE_SECONDS

HOST = "127.0.0.1"
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
IDLE_SECONDS = 30.0


@contextmanager
def postgres_tls(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Give the port of a server that takes TLS only, and hands what is inside to `port`."""
    threads: list[threading.Thread] = []
    with socket.create_server((HOST, 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # the listener is shut
                while True:
                    client, _ = listener.accept()
                    threads.append(threading.Thread(target=_serve, args=(context, client, port)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for thread in threads:
        thread.join()


def server_context(certificate: str, key: str, client_ca: str | None) -> ssl.SSLContext:
    """Return a server's context; with an authority, clients must show a certificate of it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _serve(context: ssl.SSLContext, client: socket.socket, port: int) -> None:
    # a client that has gone, or was not let in, is no concern of the proxy's
    with client, suppress(OSError):
        client.settimeout(IDLE_SECONDS)
        if client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as outer,
            socket.create_connection((HOST, port)) as inner,
        ):
            _pump(outer, inner)


def _pump(outer: ssl.SSLSocket, inner: socket.socket) -> None:
    """Pass bytes both ways, in one thread, until either side ends."""
    while True:
        both: list[socket.socket] = [outer, inner]
        ready = [outer] if outer.pending() else select.select(both, [], [], IDLE_SECONDS)[0]
        if not ready:
            return
        for source in ready:
            data = source.recv(65_536)
            if not data:
                return
            (inner if source is outer else outer).sendall(data)


pytestmark = pytest.mark.servers  # of its own, with certificates

PASSWORD = "a password of these tests"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Signed:
    return authority.sign("server")


@pytest.fixture(scope="module")
def client(authority: Authority) -> Signed:
    return authority.sign("client")


@pytest.fixture(scope="module")
def ports(
    authority: Authority, server: Signed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """Kafka with two more listeners: TLS on both sides, and TLS with a name and a password."""
    home, reservations = tmp_path_factory.mktemp("kafka"), Reservations()
    node = kafka_node(home / "node", reservations)
    found = {"MUTUAL": held_port(), "SIGNED": held_port()}
    command = replace(node.command(), prepare=lambda: _prepare(node, found, authority, server))
    with running(command, home):
        plain = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=(node.bootstrap_servers,))
        asyncio.run(ensure_topics(plain, 1))
        yield found
    reservations.close()


def _prepare(node: KafkaNode, ports: dict[str, int], authority: Authority, server: Signed) -> None:
    node.prepare()
    path = node.home / "server.properties"
    text = path.read_text()
    places = "".join(f",{name}://{LOOPBACK}:{port}" for name, port in ports.items())
    text = re.sub(r"(?m)^((?:advertised\.)?listeners=.*)$", rf"\1{places}", text)
    protocols = ",MUTUAL:SSL,SIGNED:SASL_SSL"
    text = re.sub(r"(?m)^(listener\.security\.protocol\.map=.*)$", rf"\1{protocols}", text)
    certificate = server.certificate.read_text() + authority.file.read_text()
    settings = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": _on_one_line(certificate),
        "ssl.keystore.key": _on_one_line(server.key.read_text()),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": _on_one_line(authority.file.read_text()),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.signed.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.signed.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_burnline="{PASSWORD}";'
        ),
    }
    path.write_text(text + "".join(f"{name}={value}\n" for name, value in settings.items()))


def _on_one_line(pem: str) -> str:
    return pem.strip().replace("\n", "\\n")


def mutual(ports: dict[str, int], authority: Authority, client: Signed | None) -> KafkaSettings:
    own: dict[str, Any] = {}
    if client is not None:
        own = {"KAFKA_SSL_CERT_FILE": client.certificate, "KAFKA_SSL_KEY_FILE": client.key}
    return KafkaSettings(
        KAFKA_BOOTSTRAP_SERVERS=(f"{LOOPBACK}:{ports['MUTUAL']}",),
        KAFKA_SECURITY_PROTOCOL="SSL",
        KAFKA_SSL_CA_FILE=authority.file,
        **own,
    )


def signed(ports: dict[str, int], authority: Authority, password: str) -> KafkaSettings:
    return KafkaSettings(
        KAFKA_BOOTSTRAP_SERVERS=(f"{LOOPBACK}:{ports['SIGNED']}",),
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM="PLAIN",
        KAFKA_SASL_USERNAME="burnline",
        KAFKA_SASL_PASSWORD=password,
        KAFKA_SSL_CA_FILE=authority.file,
    )


class Follower(ConsumerRebalanceListener):  # type: ignore[misc]
    """Stands for a ledger: notes what comes."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    async def handle(self, records: Sequence[Record]) -> None:
        assert records
        self.came.set()

    def attach(self, consumer: Callable[[], Any]) -> None:
        del consumer

    async def on_partitions_revoked(self, revoked: Any) -> None:
        del revoked

    async def on_partitions_assigned(self, assigned: Any) -> None:
        del assigned


async def passes_through(kafka: KafkaSettings) -> None:
    """Send, and read by a table and by a group: each kind of client that there is."""
    assert await count_shards(kafka, [METRICS.name]) == 1
    publisher, came = Publisher(kafka, 20), asyncio.Event()

    async def on_records(_: Sequence[Record]) -> None:
        came.set()

    follower = Follower()
    subscription = Subscription(kafka, "tls", [METRICS.name], follower)
    reading = asyncio.create_task(TableReader(kafka, [CATALOG.name], on_records).run())
    try:
        await subscription.broker.start()
        await publisher.send_all(
            [(CATALOG.name, b"{}", b"service/x", None, ()), (METRICS.name, b"{}", b"x", None, ())]
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            await came.wait()
            await follower.came.wait()
    finally:
        reading.cancel()
        await subscription.broker.stop()
        await publisher.stop()
        await asyncio.gather(reading, return_exceptions=True)


async def test_kafka_with_certificates_on_both_sides(
    ports: dict[str, int], authority: Authority, client: Signed
) -> None:
    await passes_through(mutual(ports, authority, client))


async def test_kafka_with_a_name_and_a_password_inside_tls(
    ports: dict[str, int], authority: Authority
) -> None:
    await passes_through(signed(ports, authority, PASSWORD))


async def test_kafka_lets_nobody_else_in(
    ports: dict[str, int], authority: Authority, client: Signed, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "strangers")
    for kafka in (
        mutual(ports, authority, None),
        mutual(ports, authority, stranger.sign("client")),
        mutual(ports, stranger, client),
        signed(ports, authority, "wrong"),
    ):
        with pytest.raises((KafkaError, OSError)):
            await ensure_topics(kafka, 1)


def database_of(port: int, plain_url: str, **given: Any) -> DatabaseSettings:
    url = re.sub(r":\d+/", f":{port}/", plain_url)
    return DatabaseSettings(DATABASE_URL=url, **given)


async def test_postgres_with_certificates_on_both_sides(
    postgres_url: str, authority: Authority, server: Signed, client: Signed, tmp_path: Path
) -> None:
    inner = int(re.findall(r":(\d+)/", postgres_url)[0])
    context = server_context(str(server.certificate), str(server.key), str(authority.file))
    trusted = {
        "DATABASE_SSL_MODE": "verify-full",
        "DATABASE_SSL_CA_FILE": authority.file,
        "DATABASE_SSL_CERT_FILE": client.certificate,
        "DATABASE_SSL_KEY_FILE": client.key,
    }
    stranger = Authority(tmp_path, "strangers")
    with postgres_tls(context, inner) as port:
        database = Database.connect(database_of(port, postgres_url, **trusted), "tls")
        await database.ping()
        await database.close()
        await asyncio.to_thread(_migrate, port, postgres_url, trusted)
        for changed in (
            {"DATABASE_SSL_CA_FILE": stranger.file},
            {"DATABASE_SSL_CERT_FILE": None, "DATABASE_SSL_KEY_FILE": None},
            {"DATABASE_SSL_MODE": "disable"},
        ):
            refused = database_of(port, postgres_url, **{**trusted, **changed})
            database = Database.connect(refused, "tls")
            with pytest.raises((OSError, DBAPIError)):
                await database.ping()
            await database.close()


def _migrate(port: int, plain_url: str, trusted: dict[str, Any]) -> None:
    """Run the migrations' own command, whose database knows them already."""
    url = re.sub(r":\d+/", f":{port}/", plain_url)
    files = {name: str(value) for name, value in trusted.items()}
    done = subprocess.run(
        (sys.executable, "-m", "alembic", "upgrade", "head"),
        cwd=project_root(),
        env={**os.environ, **files, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_redis_with_a_password_and_certificates_on_both_sides(
    authority: Authority, server: Signed, client: Signed, tmp_path: Path
) -> None:
    program = shutil.which("redis-server")
    assert program, "redis-server is not on the PATH: apt-get install redis-server"
    port = held_port()
    options = {
        "--port": "0",
        "--tls-port": str(port),
        "--bind": LOOPBACK,
        "--save": "",
        "--requirepass": "hush",
        "--tls-cert-file": str(server.certificate),
        "--tls-key-file": str(server.key),
        "--tls-ca-cert-file": str(authority.file),
        "--tls-auth-clients": "yes",
    }
    files: dict[str, Any] = {
        "REDIS_SSL_CA_FILE": authority.file,
        "REDIS_SSL_CERT_FILE": client.certificate,
        "REDIS_SSL_KEY_FILE": client.key,
    }

    async def answers(password: str = "hush", **given: Any) -> bool:
        url = f"rediss://:{password}@{LOOPBACK}:{port}/0"
        settings = RedisSettings(REDIS_URL=url, **given)
        redis = Redis.from_url(url, **settings.redis_tls_options())
        try:
            return bool(await redis.ping())
        except (RedisError, OSError):
            return False
        finally:
            await redis.aclose()

    async def probe() -> bool:
        return await answers(**files)

    argv = (program, *(part for option in options.items() for part in option))
    command = Command("redis", argv, probe, directory=tmp_path)

    def run() -> None:
        with running(command, tmp_path):
            assert not asyncio.run(answers("wrong", **files))
            assert not asyncio.run(answers())
            assert not asyncio.run(answers(REDIS_SSL_CA_FILE=authority.file))

    await asyncio.to_thread(run)
