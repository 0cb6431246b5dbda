"""Which servers the tests run on: processes of this machine, or containers."""

import os
from dataclasses import replace
from typing import Final

import pytest

from burnline.localstack.artifacts import ensure_jars, jar_version
from burnline.localstack.config import DataDir
from burnline.localstack.kafka import kafka_node
from burnline.localstack.ports import LOOPBACK, Reservations
from burnline.localstack.postgres import PostgresNode
from burnline.localstack.postgres_home import forget_home, open_home
from tests.support.servers.containers import ContainerServers, remove_orphans
from tests.support.servers.running import SERVERS_USED, Server, ServerProcess, held_port


class EmbeddedServers:
    """Both servers, with their files under one data directory.

    Kafka listens on `proxied_port` as well, and gives those who come there the port `proxy_port`.
    """

    def __init__(self, data_dir: DataDir, proxied_port: int, proxy_port: int) -> None:
        self._data_dir, self._reservations = data_dir, Reservations()
        self._proxied_port, self._proxy_port = proxied_port, proxy_port
        self.place, self.kafka_version = "run by the tests", jar_version(ensure_jars())
        self._kafka_node = kafka_node(data_dir.path / "kafka", self._reservations)
        self.bootstrap = self._kafka_node.bootstrap_servers
        self.node = PostgresNode(open_home(data_dir), LOOPBACK, held_port())
        self.postgres: Server = ServerProcess(self.node.command(), data_dir.logs)
        broker = replace(self._kafka_node.command(), prepare=self._prepare_kafka)
        self.kafka: Server = ServerProcess(broker, data_dir.logs)

    def discard(self) -> None:
        """End both and forget their files."""
        self.kafka.end_at_once()
        self.postgres.stop()
        self._reservations.close()
        forget_home(self._data_dir)

    def _prepare_kafka(self) -> None:
        """Add a listener to the node's settings that gives out the proxy's address."""
        self._kafka_node.prepare()
        path = self._kafka_node.home / "server.properties"
        settings = dict(line.split("=", 1) for line in path.read_text().splitlines())
        settings["listeners"] += f",PROXIED://{LOOPBACK}:{self._proxied_port}"
        settings["advertised.listeners"] += f",PROXIED://{LOOPBACK}:{self._proxy_port}"
        settings["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


SWITCH: Final = "TESTS_USE_CONTAINERS"
NOT_IN_CONTAINERS: Final = {
    "tests/flows/test_local_stack.py": "the local stack brings servers of its own, and is tested",
    "tests/flows/test_tls.py": "their servers are given certificates by files of this machine",
    "tests/faults/test_faults_disk.py": "PostgreSQL's disk is filled in a mount namespace",
}


ServerSet = EmbeddedServers | ContainerServers
"""PostgreSQL and Kafka of one process of tests; `node` is where PostgreSQL is reached.

`place` says in the summary where they ran.
"""


def use_containers() -> bool:
    """Whether the tests run on containers; UsageError where the switch says something else."""
    asked = os.environ.get(SWITCH) or "0"
    if asked not in {"0", "1"}:
        raise pytest.UsageError(f"{SWITCH} is 0 or 1, not {asked!r}")
    return asked == "1"


def server_set() -> type[ServerSet]:
    """The kind of servers that the switch asks for."""
    return ContainerServers if use_containers() else EmbeddedServers


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With containers, leave out what cannot run on them; the summary says what, and why."""
    if not use_containers():
        return
    for path, reason in NOT_IN_CONTAINERS.items():
        found = [item for item in items if item.nodeid.startswith(path)]
        if found:
            line = f"NOT TESTED in containers: {len(found)} tests of {path}: {reason}"
            SERVERS_USED[line] = None
            config.hook.pytest_deselected(items=found)
            items[:] = [item for item in items if item not in found]


def pytest_unconfigure() -> None:
    """Remove the containers of processes that were killed, as those of an interrupted run are."""
    if use_containers():
        remove_orphans()
