"""Which servers the tests run on: processes of this machine, or containers."""

import os
from typing import Final, Protocol

import pytest

from burnline.localstack.config import DataDir
from burnline.localstack.postgres import PostgresNode
from tests.support.servers.containers import ContainerServers, remove_orphans
from tests.support.servers.embedded_servers import EmbeddedServers
from tests.support.servers.running import SERVERS_USED
from tests.support.servers.server_process import Server

SWITCH: Final = "TESTS_USE_CONTAINERS"
NOT_IN_CONTAINERS: Final = {
    "tests/flows/test_local_stack.py": "the local stack brings servers of its own, and is tested",
    "tests/flows/test_tls.py": "their servers are given certificates by files of this machine",
    "tests/faults/test_faults_disk.py": "PostgreSQL's disk is filled in a mount namespace",
}


class ServerSet(Protocol):
    """PostgreSQL and Kafka of one process of tests; `node` is where PostgreSQL is reached.

    `place` says in the summary where they ran.
    """

    postgres: Server
    kafka: Server
    node: PostgresNode
    bootstrap: str
    kafka_version: str
    place: str

    def __init__(self, data_dir: DataDir, proxied_port: int, proxy_port: int) -> None: ...

    def discard(self) -> None:
        """End both for good."""


def use_containers() -> bool:
    """Whether the tests run on containers; UsageError where the switch says something else."""
    asked = os.environ.get(SWITCH) or "0"
    if asked not in {"0", "1"}:
        raise pytest.UsageError(f"{SWITCH} is 0 or 1, not {asked!r}")
    return asked == "1"


def server_set() -> type[ServerSet]:
    """The kind of servers that the switch asks for."""
    if use_containers():
        return ContainerServers
    return EmbeddedServers


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
