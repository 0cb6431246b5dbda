"""Fixtures on real servers: PostgreSQL, Apache Kafka, and the whole stack.

A test that uses one of them is marked `servers` and left out of `make test-fast`.
"""

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from burnline.artifacts import ensure_jars, jar_version
from burnline.broker import kafka_node
from burnline.config import DataDir, project_root
from burnline.kafka import KafkaNode, silence_client_logs
from burnline.ports import Reservations, free_port
from burnline.postgres import PostgresNode
from burnline.postgres_home import forget_home, open_home
from common.settings import KafkaSettings
from common.topics import TOPICS, ensure_topics
from tests.servers import SERVERS_USED, running
from tests.stack import Stack

HOST: Final = "127.0.0.1"
TEMPLATE: Final = "burnline_template"
MAINTENANCE: Final = "postgres"
SERVER_FIXTURES: Final = frozenset(
    {"postgres_node", "kafka_node_running", "stack", "new_stack", "fault_cluster"}
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that separates the fast part."""
    config.addinivalue_line("markers", "servers: needs Apache Kafka or PostgreSQL")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, by the fixtures that it uses."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def postgres_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresNode]:
    """A PostgreSQL of this session with an empty template database that has every migration."""
    data_dir = _data_dir(tmp_path_factory, "postgres")
    node = PostgresNode(open_home(data_dir), HOST, free_port(HOST))
    with running(node.command(), data_dir.logs, dict(os.environ)):
        asyncio.run(node.ensure_database(TEMPLATE))
        migrate(node.url(TEMPLATE))
        version = asyncio.run(_query(node.url(MAINTENANCE), "SHOW server_version"))
        SERVERS_USED[f"PostgreSQL {version}, run by the test session"] = None
        yield node
    forget_home(data_dir)


@pytest.fixture(scope="session")
def new_database(postgres_node: PostgresNode) -> Callable[[], str]:
    """Make a fresh, migrated database at each call and return its address."""
    numbers = itertools.count(1)

    def create() -> str:
        name = f"test_{next(numbers)}"
        statement = f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"'
        asyncio.run(_query(postgres_node.url(MAINTENANCE), statement))
        return postgres_node.url(name)

    return create


@pytest.fixture(scope="module")
def postgres_url(new_database: Callable[[], str]) -> str:
    """The address of a fresh, migrated database of this test module."""
    return new_database()


@pytest.fixture(scope="session")
def kafka_node_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """An Apache Kafka of this session; without one the tests fail, they do not skip."""
    silence_client_logs()
    data_dir = _data_dir(tmp_path_factory, "kafka")
    with contextlib.closing(Reservations()) as reservations:
        node = kafka_node(data_dir.path / "kafka", reservations)
        with running(node.command(), data_dir.logs, dict(os.environ)):
            note_kafka()
            yield node


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka_node_running: KafkaNode) -> str:
    """`host:port` of the session's Apache Kafka; it has no topics until `fresh_topics`."""
    return kafka_node_running.bootstrap_servers


@pytest.fixture
def fresh_topics(kafka_bootstrap: str) -> str:
    """Empty topics of the registry, made anew for this test; returns the bootstrap servers."""
    asyncio.run(_recreate_topics(kafka_bootstrap))
    return kafka_bootstrap


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Start a whole stack at each call: `new_stack(FAILPOINT="...")`; all end with the session."""
    stacks: list[Stack] = []

    def start(**environment: str) -> Stack:
        stack = Stack(DataDir(tmp_path_factory.mktemp("stack", numbered=True)), environment)
        stacks.append(stack)
        stack.start()
        note_kafka()
        return stack

    yield start
    for stack in stacks:
        stack.discard()


@pytest.fixture(scope="session")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """The session's whole stack on Apache Kafka and PostgreSQL, without the simulator."""
    return new_stack()


def migrate(url: str) -> None:
    """Bring a database to the newest migration."""
    command = (sys.executable, "-m", "alembic", "upgrade", "head")
    environment = {**os.environ, "DATABASE_URL": url}
    done = subprocess.run(
        command, cwd=project_root(), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def note_kafka() -> None:
    """Remember that this session ran on Apache Kafka, and on which version of it."""
    SERVERS_USED[f"Apache Kafka {jar_version(ensure_jars())}, run by the test session"] = None


def _data_dir(factory: pytest.TempPathFactory, name: str) -> DataDir:
    data_dir = DataDir(factory.mktemp(name))
    data_dir.logs.mkdir()
    return data_dir


async def _query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, ssl=False)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def _recreate_topics(bootstrap: str) -> None:
    settings = KafkaSettings.model_validate({"bootstrap_servers": (bootstrap,)})
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        await admin.delete_topics([topic.name for topic in TOPICS if topic.name in existing])
        while existing & {topic.name for topic in TOPICS}:
            existing = set(await admin.list_topics())
    finally:
        await admin.close()
    await ensure_topics(settings, settings.partitions)
