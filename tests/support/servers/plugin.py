"""Fixtures on real servers: PostgreSQL, Apache Kafka, and the whole stack.

A test that uses one of them is marked `servers` and left out of `make test-fast`.
"""

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from burnline.localstack.config import DataDir
from tests.support.servers.cluster import Cluster, own_cluster
from tests.support.servers.running import note_kafka
from tests.support.servers.server_choice import use_containers
from tests.support.servers.stack import Stack

GARBAGE_THRESHOLDS: Final = (50_000, 20, 50)
SERVER_FIXTURES: Final = frozenset({"cluster", "stack", "new_stack", "redis_node"})


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that separates the fast part, and save brokers from compiling twice."""
    # a broker that lives for minutes never earns the work of the optimizing compiler back
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
    config.addinivalue_line("markers", "servers: needs Apache Kafka or PostgreSQL")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, by the fixtures that it uses."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Take what lives as long as the session out of the collector's sight.

    Thousands of tests, each with its closures, would be looked through again and again: that was
    a fifth of the time of the part without servers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The servers of this process of tests; each is started for the first test that needs it."""
    with own_cluster(tmp_path_factory.mktemp("servers")) as made:
        yield made


@pytest.fixture(scope="session")
def postgres(cluster: Cluster) -> Cluster:
    """The cluster with PostgreSQL, and an empty template database that has every migration."""
    asyncio.run(cluster.start_postgres())
    return cluster


@pytest.fixture(scope="session")
def kafka(cluster: Cluster) -> Cluster:
    """The cluster with Apache Kafka; where it cannot start the tests fail, they do not skip."""
    asyncio.run(cluster.start_kafka())
    return cluster


@pytest.fixture(scope="session")
def running_cluster(postgres: Cluster, kafka: Cluster) -> Cluster:
    """The cluster with both servers, for tests that hurt them."""
    assert postgres is kafka
    return postgres


@pytest.fixture(scope="session")
def new_database(postgres: Cluster) -> Callable[[], str]:
    """Make a fresh, migrated database at each call and return its address."""
    return lambda: postgres.database_url(asyncio.run(postgres.new_database()))


@pytest.fixture(scope="module")
def postgres_url(new_database: Callable[[], str]) -> str:
    """The address of a fresh, migrated database of this test module."""
    return new_database()


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka: Cluster) -> str:
    """`host:port` of Apache Kafka; it has no topics until `fresh_topics`."""
    return kafka.bootstrap()


@pytest.fixture
def fresh_topics(kafka: Cluster) -> str:
    """Empty topics of the registry, made anew for this test; returns the bootstrap servers."""
    asyncio.run(kafka.fresh_topics())
    return kafka.bootstrap()


@pytest.fixture(scope="module")
def new_stack(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Stack]]:
    """Start a whole stack at each call: `new_stack(VARIABLE="...")`; all end with the module.

    It brings its own servers, or is sent to containers: there, two stacks would share the topics.
    """
    stacks: list[Stack] = []

    def start(**environment: str) -> Stack:
        data_dir = DataDir(tmp_path_factory.mktemp("stack", numbered=True))
        if use_containers():
            assert not stacks, "with containers there is one stack at a time"
            cluster: Cluster = request.getfixturevalue("running_cluster")
            addresses = asyncio.run(_addresses(cluster))
            outside = {"postgres": cluster.postgres, "kafka": cluster.kafka}
            stack = Stack(data_dir, {**addresses, **environment}, outside)
        else:
            stack = Stack(data_dir, environment)
        stacks.append(stack)
        stack.start()
        if not stack.outside:
            note_kafka()
        return stack

    yield start
    for stack in stacks:
        stack.discard()


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """The module's whole stack on Apache Kafka and PostgreSQL, without the simulator."""
    return new_stack()


async def _addresses(cluster: Cluster) -> dict[str, str]:
    """Where a stack finds empty topics and a database of its own."""
    await cluster.mend()
    await cluster.fresh_topics()
    database = cluster.database_url(await cluster.new_database())
    return {"DATABASE_URL": database, "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap()}
