"""TESTS_USE_CONTAINERS chooses the servers of the tests; the images are the compose file's."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from burnline.localstack.artifacts import KAFKA_VERSION
from burnline.localstack.kafka import PROPERTIES
from burnline.localstack.places import project_root
from burnline.localstack.postgres_home import MAJOR_VERSION
from burnline.localstack.processes import ProcessIdentity
from tests.support.compose_file import services
from tests.support.servers import server_choice
from tests.support.servers.containers import (
    OWNER_HOST,
    OWNER_PID,
    OWNER_STARTED,
    ContainerServers,
    image,
    is_orphan,
    kafka_environment,
    owner_labels,
)
from tests.support.servers.running import SERVERS_USED
from tests.support.servers.server_choice import (
    NOT_IN_CONTAINERS,
    SWITCH,
    EmbeddedServers,
    server_set,
)

TLS = "tests/flows/test_tls.py::test_something"
GATE = "services/gate/tests/test_gate_ledger.py::test_something"


class Hook:
    def __init__(self) -> None:
        self.left_out: list[Any] = []

    def pytest_deselected(self, items: list[Any]) -> None:
        self.left_out += items


def collected(monkeypatch: pytest.MonkeyPatch, switch: str) -> tuple[list[str], list[str]]:
    """Return what stays and what is left out of two tests."""
    monkeypatch.setenv(SWITCH, switch)
    hook, items = Hook(), [SimpleNamespace(nodeid=TLS), SimpleNamespace(nodeid=GATE)]
    config: Any = SimpleNamespace(hook=hook)
    server_choice.pytest_collection_modifyitems(config, items)  # type: ignore[arg-type]
    return [item.nodeid for item in items], [item.nodeid for item in hook.left_out]


@pytest.mark.parametrize(
    ("switch", "chosen"), [("", EmbeddedServers), ("0", EmbeddedServers), ("1", ContainerServers)]
)
def test_the_switch_chooses(switch: str, chosen: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, switch)
    assert server_set() is chosen


def test_without_the_switch_servers_are_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    assert server_set() is EmbeddedServers


def test_a_switch_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "yes")
    with pytest.raises(pytest.UsageError, match="0 or 1, not 'yes'"):
        server_set()


def test_what_cannot_run_in_containers_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: dict[str, None] = {}
    monkeypatch.setattr(server_choice, "SERVERS_USED", told)
    assert collected(monkeypatch, "0") == ([TLS, GATE], [])
    assert told == {}
    assert collected(monkeypatch, "1") == ([GATE], [TLS])
    [line] = told
    assert "1 tests of tests/flows/test_tls.py" in line
    assert NOT_IN_CONTAINERS["tests/flows/test_tls.py"] in line
    assert line not in SERVERS_USED


@pytest.mark.parametrize("path", NOT_IN_CONTAINERS)
def test_only_tests_that_exist_are_left_out(path: str) -> None:
    assert (project_root() / path).is_file()


def test_images_are_those_of_the_compose_file() -> None:
    """Their versions are those of the processes, which the same tests run on."""
    assert image("postgres") == services()["postgres"]["image"]
    assert image("postgres").startswith(f"postgres:{MAJOR_VERSION}.")
    assert image("kafka") == f"apache/kafka:{KAFKA_VERSION}"
    assert image("redis").startswith("redis:")


def test_the_broker_has_the_settings_of_the_embedded_one() -> None:
    found = kafka_environment(29_001, 29_002, 29_003)
    names = {line.split("=", 1)[0] for line in PROPERTIES.splitlines()}
    assert {f"KAFKA_{name.upper().replace('.', '_')}" for name in names} <= found.keys()
    assert found["KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS"] == "1000"
    assert found["KAFKA_LISTENERS"].startswith("PLAINTEXT://:29001,PROXIED://:29002,CONTROLLER:")
    given_out = "PLAINTEXT://127.0.0.1:29001,PROXIED://127.0.0.1:29003"
    assert found["KAFKA_ADVERTISED_LISTENERS"] == given_out
    # the image brings a garbage collector of its own, and two are refused
    assert "GC" not in found["KAFKA_HEAP_OPTS"]


def test_every_broker_is_a_cluster_of_its_own() -> None:
    ids = {kafka_environment(1, 2, 3)["CLUSTER_ID"] for _ in range(3)}
    assert len(ids) == 3


def test_a_container_belongs_to_the_process_that_made_it() -> None:
    labels = owner_labels()
    assert not is_orphan(labels)
    mine = ProcessIdentity.of(os.getpid())
    assert mine is not None
    assert (labels[OWNER_PID], labels[OWNER_STARTED]) == (str(mine.pid), mine.started)
    assert is_orphan({**labels, OWNER_STARTED: "another process had this pid"})
    unused = next(pid for pid in range(2, 1 << 22) if not Path(f"/proc/{pid}").exists())
    gone = {**labels, OWNER_PID: str(unused)}
    assert is_orphan(gone)
    assert not is_orphan({**gone, OWNER_HOST: "where nobody here can look"})
