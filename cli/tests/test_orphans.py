"""What a killed supervisor leaves is ended; a stranger with the same pid is not."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack.config import DataDir
from burnline.localstack.launch import end_stack
from burnline.localstack.processes import ProcessIdentity
from burnline.localstack.state import ChildState, StackState, read_state, write_state
from tests.support.waiting import PATIENCE_SECONDS

GONE = ProcessIdentity(2**22 + 1, "boot/1")


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(("/bin/sleep", "600"), process_group=0) as process:
        yield process
        process.kill()


def identity_of(process: "subprocess.Popen[bytes]") -> ProcessIdentity:
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    return identity


def write(tmp_path: Path, child: ProcessIdentity) -> DataDir:
    data_dir = DataDir(tmp_path)
    state = StackState("running", GONE, children=(ChildState("kafka", child),))
    write_state(data_dir.state, state)
    return data_dir


def test_an_orphan_is_ended(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    data_dir = write(tmp_path, identity_of(sleeper))
    assert end_stack(data_dir)
    assert sleeper.wait(timeout=PATIENCE_SECONDS) != 0
    assert not end_stack(data_dir)


def test_a_stranger_that_was_given_the_pid_is_left_alone(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    stranger = replace(identity_of(sleeper), started="another start")
    assert not end_stack(write(tmp_path, stranger))
    assert sleeper.poll() is None


def test_a_zombie_is_not_alive(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = identity_of(sleeper)
    assert identity.is_alive()
    identity.send(9)
    while identity.is_alive():
        pass
    assert ProcessIdentity.of(sleeper.pid) == identity


def test_where_nothing_was_started_there_is_nothing_to_end(tmp_path: Path) -> None:
    assert not end_stack(DataDir(tmp_path))


def test_the_state_survives_its_file_and_is_private(tmp_path: Path) -> None:
    child = ChildState("kafka", GONE, restarts=3, last_exit=-9)
    state = StackState("running", GONE, "detail", (child,), {"A": "b"}, "Apache Kafka", "1")
    path = tmp_path / "state.json"
    write_state(path, state)
    assert read_state(path) == state
    assert path.stat().st_mode & 0o077 == 0


def test_a_state_of_another_version_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"phase": "running", "supervisor": {"pid": 1}, "children": []}))
    with pytest.raises(StackError, match="another version"):
        read_state(path)


def test_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state.json") is None
