"""The commands of the local stack, on real servers and real services."""

import asyncio
import json
import os
import pwd
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import psutil
import pytest

from burnline.localstack.config import DEFAULT_PORTS, DataDir
from burnline.localstack.ports import free_port
from burnline.localstack.services import SERVICES
from burnline.localstack.state import read_state
from tests.support.servers.proxy import HOST
from tests.support.servers.running import note_kafka
from tests.support.servers.stack import SERVER_VARIABLES, Stack

BURNLINE: Final = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "burnline"
MARKER: Final = "BURNLINE_TEST_MARKER"
CHILDREN: Final = {"postgres", "kafka", *(service.name for service in SERVICES)}

pytestmark = pytest.mark.servers


class CommandLine:
    """`burnline` with one data directory and a marker that every process of it inherits."""

    def __init__(self, path: Path, **variables: str) -> None:
        self.data_dir = DataDir(path)
        self.marker = f"{MARKER}={path}"
        inherited = {k: v for k, v in os.environ.items() if k not in SERVER_VARIABLES}
        ports = {name: str(free_port(HOST)) for name in DEFAULT_PORTS}
        self.environment = {
            **inherited,
            **ports,
            MARKER: str(path),
            "BURNLINE_DATA_DIR": str(path),
            "ENABLE_METRICS_SIMULATOR": "false",
            **variables,
        }

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            (str(BURNLINE), *arguments),
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def processes(self) -> list[psutil.Process]:
        """Every process that has the marker in its environment, whoever its parent is."""
        return [p for p in psutil.process_iter() if self._is_marked(p)]

    def left(self, seconds: float = 30) -> list[psutil.Process]:
        """Return what is still there when all has had time to see that its parent is gone."""
        return psutil.wait_procs(self.processes(), seconds)[1]

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return self.marker.encode() in Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            return False


@pytest.fixture
def new_line(tmp_path: Path) -> Iterator[Callable[..., CommandLine]]:
    """Give a `burnline` with a data directory of its own; what is left of its stack is ended."""
    lines: list[CommandLine] = []

    def make(name: str, **variables: str) -> CommandLine:
        lines.append(CommandLine(tmp_path / name, **variables))
        return lines[-1]

    yield make
    for line in lines:
        line.run("clean")


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path_factory.mktemp("local"))
    done = line.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    note_kafka()
    assert "Apache Kafka 4" in done.stdout
    yield line
    assert line.run("clean").returncode == 0
    assert line.left() == []


def test_up_twice_is_fine_and_says_so(command_line: CommandLine) -> None:
    before = read_state(command_line.data_dir.state)
    done = command_line.run("up")
    assert done.returncode == 0
    assert "already running" in done.stdout
    assert read_state(command_line.data_dir.state) == before


def test_everything_runs_and_is_detached(command_line: CommandLine) -> None:
    state = read_state(command_line.data_dir.state)
    assert state is not None
    assert state.supervisor is not None
    assert {child.name for child in state.children} == CHILDREN
    assert os.getsid(state.supervisor.pid) == state.supervisor.pid
    assert len(command_line.processes()) >= len(CHILDREN) + 1


def test_env_gives_addresses_that_answer(command_line: CommandLine) -> None:
    found = json.loads(command_line.run("env", "--json").stdout)
    for variable in ("BURNLINE_URL", "BURNLINE_INGEST_URL"):
        assert httpx.get(f"{found[variable]}/readyz", trust_env=False).status_code == 200
    assert found["DATABASE_URL"].startswith("postgresql://")
    shell = f'eval "$({BURNLINE} env)"; printf %s "$KAFKA_BOOTSTRAP_SERVERS"'
    done = subprocess.run(
        ("/bin/sh", "-c", shell),
        env=command_line.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == found["KAFKA_BOOTSTRAP_SERVERS"]


def test_the_key_is_kept_and_printed_in_nothing_but_the_link(command_line: CommandLine) -> None:
    directory = command_line.data_dir
    key, token = (path.read_text().strip() for path in (directory.key, directory.token))
    assert stat.S_IMODE(directory.key.stat().st_mode) == 0o600
    again = command_line.run("up").stdout
    assert f"/#token={key}" in again
    assert key not in again.replace(f"/#token={key}", "")
    assert token not in again
    assert str(directory.key) in again


def test_what_is_written_is_in_the_name_of_who_started_it(command_line: CommandLine) -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    made = command_line.run("keys", "create", "pipeline", "--scope", "ingest")
    assert made.returncode == 0, made.stderr
    found = json.loads(command_line.run("env", "--json").stdout)
    headers = {"Authorization": f"Bearer {found['BURNLINE_API_TOKEN']}"}
    with httpx.Client(base_url=found["BURNLINE_URL"], headers=headers, trust_env=False) as client:
        keys = {key["name"]: key["created_by"] for key in client.get("/api/keys").json()}
        assert keys == {name: "bootstrap", "pipeline": f"key/{name}"}
        written = {entry["actor"] for entry in client.get("/api/audit").json()}
    assert written == {"bootstrap", f"key/{name}"}


def test_a_key_that_opens_nothing_any_more_is_made_anew(command_line: CommandLine) -> None:
    """As in the data directory of a version that made none, or after a restore."""
    directory = command_line.data_dir
    before = directory.key.read_text()
    directory.key.write_text("blk_0123456789ab_" + "x" * 43)
    done = command_line.run("up", BURNLINE_API_TOKEN=before.strip())  # as `env` has exported it
    assert done.returncode == 0, done.stdout + done.stderr
    assert directory.key.read_text() != before
    assert command_line.run("keys", "list").returncode == 0


def test_status_is_healthy_and_turns_when_a_process_is_held_down(
    command_line: CommandLine,
) -> None:
    done = command_line.run("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(name in done.stdout for name in CHILDREN)
    stack = Stack(command_line.data_dir)
    stack.hold("ingest")
    stack.kill("ingest")
    assert command_line.run("status").returncode == 1
    stack.release("ingest")
    stack.wait_served()
    assert command_line.run("status").returncode == 0


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_whatever_is_killed_comes_back_and_serves(command_line: CommandLine, name: str) -> None:
    stack = Stack(command_line.data_dir)
    before = stack.process(name)
    stack.kill(name)
    stack.wait_until(
        lambda: stack.process(name).identity not in {None, before.identity}, name, 10.0
    )
    stack.wait_restarted(name, before.restarts)


def test_what_postgres_had_committed_is_there_after_kill(command_line: CommandLine) -> None:
    stack = Stack(command_line.data_dir)
    with stack.client() as client:
        service = {"name": "kept", "tier": 1, "owner": "team"}
        assert client.post("/api/services", json=service).status_code == 201
        stack.restart("postgres")
        names = {row["name"] for row in client.get("/api/services").json()}
    assert "kept" in names


def test_logs_show_every_process(command_line: CommandLine) -> None:
    done = command_line.run("logs", "-n", "1")
    assert {line.split()[0] for line in done.stdout.splitlines() if line.strip()} >= CHILDREN
    assert "kafka" not in command_line.run("logs", "postgres").stdout.split()[:1]


def test_a_busy_port_that_was_asked_for_is_named(
    command_line: CommandLine, new_line: Callable[..., CommandLine]
) -> None:
    busy = command_line.environment["BURNLINE_PORT"]
    other = new_line("other", BURNLINE_PORT=busy)
    done = other.run("up")
    assert done.returncode == 1
    assert f"BURNLINE_PORT={busy} is in use" in done.stderr
    assert other.left() == []


def test_a_second_stack_runs_beside_the_first_and_a_killed_supervisor_leaves_nothing(
    command_line: CommandLine, new_line: Callable[..., CommandLine]
) -> None:
    line, first = new_line("second"), Stack(command_line.data_dir)
    supervisor = first.state.supervisor
    assert line.run("up").returncode == 0
    first.wait_served()
    assert first.state.supervisor == supervisor
    state = read_state(line.data_dir.state)
    assert state is not None
    assert state.supervisor is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    up_again = line.run("up")
    assert up_again.returncode == 0, up_again.stdout + up_again.stderr
    assert not any(identity.is_alive() for identity in state.identities())
    assert line.run("down").returncode == 0
    assert line.left() == []
    assert line.run("down").returncode == 0
    assert line.run("clean").returncode == 0
    assert not line.data_dir.path.exists()


def test_a_start_that_was_killed_half_way_is_made_good_by_the_next(
    new_line: Callable[..., CommandLine],
) -> None:
    line = new_line("killed half way")
    first = subprocess.Popen(
        (str(BURNLINE), "up"),
        env={**line.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert any("preparing PostgreSQL" in said for said in first.stdout)
    for process in line.processes():
        process.kill()
    first.communicate()
    done = line.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "served after" in done.stdout
    assert line.run("status").returncode == 0


def test_a_failed_start_shows_the_log_and_leaves_nothing(
    new_line: Callable[..., CommandLine], kafka_bootstrap: str
) -> None:
    nowhere = f"postgresql://nobody:x@{HOST}:{free_port(HOST)}/none"
    line = new_line("failing", DATABASE_URL=nowhere, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap)
    done = line.run("up")
    assert done.returncode == 1
    assert "migrations failed" in done.stderr
    assert "--- end of" in done.stderr
    assert line.left() == []


def test_servers_of_the_caller_are_used(
    new_line: Callable[..., CommandLine], fresh_topics: str, new_database: Callable[[], str]
) -> None:
    url = new_database()
    line = new_line("real", DATABASE_URL=url, KAFKA_BOOTSTRAP_SERVERS=fresh_topics)
    done = line.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    state = read_state(line.data_dir.state)
    assert state is not None
    assert {child.name for child in state.children} == CHILDREN - {"postgres", "kafka"}
    assert line.run("status").returncode == 0
    assert line.run("clean").returncode == 0
    assert line.left() == []


def test_the_embedded_database_asks_for_its_password(command_line: CommandLine) -> None:
    stack = Stack(command_line.data_dir)
    url = stack.variables["DATABASE_URL"]
    wrong = url.replace(url.split(":")[2].split("@")[0], "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(wrong, ssl=False))
