"""A supervised process comes back, keeps coming back, and ends when it is told to."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from burnline.localstack.command import Command
from burnline.localstack.config import DataDir
from burnline.localstack.processes import ProcessIdentity, run, wait_gone
from burnline.localstack.state import read_state
from burnline.localstack.supervisor import MAX_DELAY_SECONDS, Backoff, Supervisor
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow

SLEEP = ("/bin/sh", "-c", "exec sleep 600")
DEAF_SCRIPT = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
DEAF = (sys.executable, "-c", DEAF_SCRIPT)


async def always_ready() -> bool:
    return True


def command(name: str, argv: tuple[str, ...], **changes: object) -> Command:
    environment = {"PATH": os.environ["PATH"]}
    return Command(name=name, argv=argv, probe=always_ready, environment=environment, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def supervised(tmp_path: Path, *commands: Command) -> AsyncIterator[Supervisor]:
    data_dir = DataDir(tmp_path)
    data_dir.logs.mkdir()
    supervisor = Supervisor(data_dir)
    for each in commands:
        supervisor.add(each)
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def pid_of(supervisor: Supervisor, name: str) -> int | None:
    for child in supervisor.state.children:
        if child.name == name and child.identity is not None:
            return child.identity.pid
    return None


async def test_a_killed_process_is_back(tmp_path: Path) -> None:
    async with supervised(tmp_path, command("sleeper", SLEEP)) as supervisor:
        await until(lambda: pid_of(supervisor, "sleeper") is not None)
        first = pid_of(supervisor, "sleeper")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid_of(supervisor, "sleeper") not in {None, first})
        child = supervisor.state.children[0]
        assert (child.restarts, child.last_exit) == (1, -signal.SIGKILL)
        assert read_state(supervisor.data_dir.state) == supervisor.state


def test_the_backoff_never_exceeds_its_bound_and_never_ends() -> None:
    backoff = Backoff()
    delays = [backoff.next_delay(lived_seconds=0.0) for _ in range(1000)]
    assert max(delays) == MAX_DELAY_SECONDS == 2.0
    assert delays[-1] == MAX_DELAY_SECONDS
    assert backoff.next_delay(lived_seconds=60.0) < 1.0


async def test_a_process_that_cannot_be_started_is_tried_again_until_it_can(
    tmp_path: Path,
) -> None:
    program = tmp_path / "program"
    async with supervised(tmp_path, command("late", (str(program),))) as supervisor:
        await asyncio.sleep(0.5)
        program.write_text("#!/bin/sh\nexec sleep 600\n")
        program.chmod(0o755)
        await until(lambda: pid_of(supervisor, "late") is not None)


async def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    deaf = command("deaf", DEAF, stop_timeout_seconds=0.3)
    async with supervised(tmp_path, deaf) as supervisor:
        log = supervisor.data_dir.log("deaf")
        await until(lambda: log.exists() and log.stat().st_size > 0)
        identity = supervisor.state.children[0].identity
        assert identity is not None
    assert not identity.is_alive()


async def test_one_that_is_just_being_started_is_ended_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start_slowly(*_: object, **__: object) -> "subprocess.Popen[bytes]":
        time.sleep(0.5)
        started.append(subprocess.Popen(SLEEP))  # leads no group, as a fork at its very beginning
        return started[-1]

    monkeypatch.setattr("burnline.localstack.supervisor.start_service", start_slowly)
    async with supervised(tmp_path, command("service", (), module="service")):
        await asyncio.sleep(0.1)
    assert [process.wait(timeout=60) for process in started] == [-signal.SIGTERM]


async def test_higher_layers_end_first(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    script = 'trap "echo {0} >> {1}; exit" TERM; echo up; while :; do sleep 0.05; done'
    commands = [
        command(name, ("/bin/sh", "-c", script.format(name, ends)), layer=layer)
        for name, layer in (("service", 2), ("database", 0), ("broker", 1))
    ]
    async with supervised(tmp_path, *commands) as supervisor:
        logs = [supervisor.data_dir.log(each.name) for each in commands]
        await until(lambda: all(log.exists() and log.stat().st_size for log in logs))
    assert ends.read_text().split() == ["service", "broker", "database"]


async def test_dependents_are_started_anew_when_their_broker_dies(tmp_path: Path) -> None:
    broker = command("broker", SLEEP, dependents=("service",))
    commands = (broker, command("service", SLEEP), command("bystander", SLEEP))
    async with supervised(tmp_path, *commands) as supervisor:
        names = [each.name for each in commands]
        await until(lambda: all(pid_of(supervisor, name) for name in names))
        before = {name: pid_of(supervisor, name) for name in names}
        assert before["broker"] is not None
        os.kill(before["broker"], signal.SIGKILL)
        await until(lambda: pid_of(supervisor, "service") not in {None, before["service"]})
        await until(lambda: pid_of(supervisor, "broker") not in {None, before["broker"]})
        assert pid_of(supervisor, "bystander") == before["bystander"]


async def test_one_process_can_be_given_variables_and_be_held_down(tmp_path: Path) -> None:
    shell = ("/bin/sh", "-c", "echo saw:$FAILPOINT; exec sleep 600")
    async with supervised(tmp_path, command("service", shell)) as supervisor:
        data_dir = supervisor.data_dir
        await until(lambda: pid_of(supervisor, "service") is not None)
        for path in (data_dir.environment("service"), data_dir.hold("service")):
            path.parent.mkdir()
        data_dir.environment("service").write_text("FAILPOINT=after commit\n")
        data_dir.hold("service").touch()
        first = pid_of(supervisor, "service")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid_of(supervisor, "service") is None)
        await asyncio.sleep(1.0)
        assert pid_of(supervisor, "service") is None
        data_dir.hold("service").unlink()
        await until(lambda: "saw:after commit" in data_dir.log("service").read_text())


LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="the kernel helps on Linux only")


@LINUX_ONLY
def test_a_child_whose_parent_is_gone_already_does_not_stay() -> None:
    code = (
        "import os\n"
        "from burnline.localstack.processes import die_with_parent\n"
        "die_with_parent(os.getppid())\n"
        "print('stays', flush=True)\n"
        "die_with_parent(os.getpid())\n"
        "print('stays too', flush=True)\n"
    )
    done = run((sys.executable, "-c", code))
    assert (done.stdout, done.returncode != 0) == ("stays\n", True)


@LINUX_ONLY
def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    parent = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from burnline.localstack.supervisor import spawn\n"
        "from burnline.localstack.command import Command\n"
        "c = Command('sleeper', ('/bin/sleep', '600'), probe=None)\n"
        f"print(spawn(c, Path({str(tmp_path / 'log')!r}), {{}}).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen((sys.executable, "-c", parent), stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        child = ProcessIdentity.of(int(supervisor.stdout.readline()))
        assert child is not None
        assert child.is_alive()
        supervisor.kill()
        assert wait_gone([child], timeout_seconds=PATIENCE_SECONDS)
