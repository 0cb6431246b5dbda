"""Services are forks of a process that has read their libraries; they begin with their servers."""

import os
import signal
import ssl
import time
from pathlib import Path

import pytest

from burnline.localstack.forked import start_service
from burnline.localstack.ports import free_port
from burnline.localstack.processes import ProcessIdentity
from burnline.localstack.services import is_service_ready
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

MAIN = """\
import os
import sys
import slowly.app

if __name__ == "__main__":
    said, read = os.environ["SAID"], "numpy" in sys.modules
    print("runs", __name__, slowly.app.times, said, read, flush=True)
    sys.exit(3)
"""
APP = """\
times = 1
print("imported", flush=True)
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "slowly"
    package.mkdir()
    for name, text in (("__init__", ""), ("__main__", MAIN), ("app", APP)):
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return "slowly"


def wait_for(text: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not log.exists() or text not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_imports_at_once_and_runs_when_the_file_is_there(service: str, tmp_path: Path) -> None:
    log, go = tmp_path / "log", tmp_path / "ready"
    fork = start_service(service, {"SAID": "this"}, log, begins=go)
    wait_for("imported\n", log)
    assert (fork.poll(), os.getpgid(fork.pid)) == (None, fork.pid)
    go.touch()
    assert fork.wait() == 3
    assert log.read_text() == "imported\nruns __main__ 1 this True\n"


def test_one_that_is_killed_says_by_which_signal(service: str, tmp_path: Path) -> None:
    fork = start_service(service, {}, tmp_path / "log", begins=tmp_path / "never")
    identity = ProcessIdentity.of(fork.pid)
    assert identity is not None
    identity.send(signal.SIGKILL)
    assert fork.wait() == fork.returncode == -signal.SIGKILL
    assert not identity.is_alive()


def test_one_whose_supervisor_ended_while_it_was_made_does_not_stay(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ProcessIdentity(os.getpid(), "another start")
    monkeypatch.setattr(ProcessIdentity, "of", lambda _pid: gone)
    log = tmp_path / "log"
    assert start_service(service, {}, log, begins=tmp_path / "never").wait() == 0
    assert not log.exists()


async def test_a_probe_loads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> ssl.SSLContext:
        raise AssertionError("certificates are loaded for plain HTTP")

    monkeypatch.setattr(ssl, "create_default_context", load)
    assert not await is_service_ready(f"http://127.0.0.1:{free_port('127.0.0.1')}")
