"""A whole stack under its real supervisor, and the ways to hurt it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from burnline.localstack.config import DEFAULT_PORTS, DataDir
from burnline.localstack.launch import end_stack, failure, is_served
from burnline.localstack.ports import free_port
from burnline.localstack.postgres_home import forget_home
from burnline.localstack.processes import ProcessIdentity, bound_to_this, end_processes
from burnline.localstack.services import PLAIN_HTTP
from burnline.localstack.state import ChildState, StackState, read_state
from tests.support.servers.running import Server
from tests.support.waiting import PATIENCE_SECONDS

START_TIMEOUT_SECONDS: Final = 300.0
END_SECONDS: Final = 10.0
RESTART_TIMEOUT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1
SERVER_VARIABLES: Final = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")


@dataclass(slots=True)
class Stack:
    """One stack in its own data directory, on free ports; `environment` goes to every process.

    `outside` are servers that it is sent to, by the names that its own would have: they are hurt
    under the same names.
    """

    data_dir: DataDir
    environment: dict[str, str] = field(default_factory=dict)
    outside: Mapping[str, Server] = field(default_factory=dict)
    _supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until every service is ready."""
        self.data_dir.logs.mkdir(parents=True, exist_ok=True)
        self.data_dir.state.unlink(missing_ok=True)
        with self.data_dir.log("supervisor").open("ab") as output:
            self._supervisor = subprocess.Popen(
                (sys.executable, "-m", "burnline.localstack"),
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=bound_to_this(),
            )
        self.wait_served()

    def stop(self) -> None:
        """End it in order; its data stays, `start` goes on with it."""
        end_stack(self.data_dir)
        if self._supervisor is not None:
            self._supervisor.wait()

    def discard(self) -> None:
        """End it at once, since nobody needs its data any more, and remove that."""
        if self._supervisor is not None:
            children = psutil.Process(self._supervisor.pid).children(recursive=True)
            identities = [ProcessIdentity.of(child.pid) for child in children]
            self._supervisor.kill()
            self._supervisor.wait()
            end_processes([i for i in identities if i is not None], END_SECONDS, signal.SIGKILL)
        forget_home(self.data_dir)
        shutil.rmtree(self.data_dir.path, ignore_errors=True)

    @property
    def state(self) -> StackState:
        """What the supervisor says now."""
        state = read_state(self.data_dir.state)
        assert state is not None
        return state

    @property
    def api_url(self) -> str:
        """Base URL of the gateway."""
        return self.state.address("BURNLINE_PORT")

    @property
    def ingest_url(self) -> str:
        """Base URL of ingest."""
        return self.state.address("BURNLINE_INGEST_PORT")

    @property
    def variables(self) -> dict[str, str]:
        """The addresses in use: DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS, BURNLINE_API_TOKEN ..."""
        return self.state.environment

    @property
    def headers(self) -> dict[str, str]:
        """The headers that writes need."""
        return {"Authorization": f"Bearer {self.variables['BURNLINE_API_TOKEN']}"}

    def client(self, base_url: str | None = None) -> httpx.Client:
        """A client with the token, of the gateway unless another base URL is given."""
        return httpx.Client(
            base_url=base_url or self.api_url,
            headers=self.headers,
            timeout=PATIENCE_SECONDS,
            trust_env=False,
            verify=PLAIN_HTTP,
        )

    def process(self, name: str) -> ChildState:
        """One process: postgres, kafka, ingest, burnrate or api-gateway."""
        return next(child for child in self.state.children if child.name == name)

    def signal(self, name: str, signum: int) -> None:
        """Signal one process and its group, for example SIGSTOP."""
        if name in self.outside:
            assert signum == signal.SIGKILL
            self.kill(name)
            return
        self._identity(name).send(signum)

    def kill(self, name: str) -> None:
        """SIGKILL one process and return once it is gone; the supervisor starts it again."""
        if name in self.outside:
            asyncio.run(self.outside[name].kill())
            return
        identity = self._identity(name)
        identity.send(signal.SIGKILL)
        self.wait_until(lambda: not identity.is_alive(), f"{name} still lives")

    def restart(self, name: str) -> None:
        """SIGKILL one process and wait until its next life is ready."""
        restarts = self.process(name).restarts
        self.kill(name)
        self.wait_restarted(name, restarts)

    def _identity(self, name: str) -> ProcessIdentity:
        identity = self.process(name).identity
        assert identity is not None, f"{name} does not run"
        return identity

    def wait_restarted(self, name: str, restarts: int) -> None:
        """Wait until a process has been started more than `restarts` times again, and serves."""

        def is_new() -> bool:
            child = self.process(name)
            return child.restarts > restarts and child.identity is not None

        self.wait_until(is_new, f"{name} was not started again")
        self.wait_served()

    def hold(self, name: str) -> None:
        """From its next end on, keep one process down."""
        if name in self.outside:
            return  # nobody starts it again
        self.data_dir.hold(name).parent.mkdir(exist_ok=True)
        self.data_dir.hold(name).touch()

    def release(self, name: str) -> None:
        """Let the supervisor start it again."""
        if name in self.outside:
            asyncio.run(self.outside[name].start())
            return
        self.data_dir.hold(name).unlink(missing_ok=True)

    def set_environment(self, name: str, **variables: str) -> None:
        """Variables that one process gets from its next start on, in place of earlier ones."""
        path = self.data_dir.environment(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{key}={value}\n" for key, value in variables.items()))

    def wait_served(self) -> None:
        """Wait until all services say that they are ready."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            state = read_state(self.data_dir.state)
            if state is not None and state.phase == "running" and is_served(state, snapshot=False):
                return
            failed = state is not None and state.phase == "failed"
            if failed or time.monotonic() > deadline:
                raise AssertionError(failure(self.data_dir, state))
            time.sleep(POLL_SECONDS)

    @staticmethod
    def wait_until(
        condition: Callable[[], bool],
        otherwise: str,
        timeout_seconds: float = RESTART_TIMEOUT_SECONDS,
    ) -> None:
        """Poll until the condition holds; AssertionError(otherwise) when the time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < deadline, otherwise
            time.sleep(POLL_SECONDS)

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in SERVER_VARIABLES}
        return {
            **inherited,
            **{name: str(free_port("127.0.0.1")) for name in DEFAULT_PORTS},
            "ENABLE_METRICS_SIMULATOR": "false",
            "BURNLINE_DATA_DIR": str(self.data_dir.path),
            **self.environment,
        }


@contextmanager
def own_stack(**environment: str) -> Iterator[Stack]:
    """Run a whole stack until the block ends; nothing of it is left then."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(DataDir(Path(folder)), environment)
        try:
            stack.start()
            yield stack
        finally:
            stack.discard()
