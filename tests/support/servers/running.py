"""A real server for as long as it is needed, a migrated database, and which servers there were."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil

from burnline.localstack.artifacts import ensure_jars, jar_version
from burnline.localstack.command import Command, Probe
from burnline.localstack.config import server_environment
from burnline.localstack.logfiles import tail
from burnline.localstack.places import project_root
from burnline.localstack.ports import Reservations
from burnline.localstack.processes import ProcessIdentity, end_processes
from burnline.localstack.supervisor import spawn

READY_SECONDS: Final = 180.0
STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05
TEMPLATE: Final = "burnline_template"
SERVERS_USED: Final[dict[str, None]] = {}
"""What the summary says of the servers that the tests ran on, line by line."""
_HELD_PORTS: Final = Reservations()


def held_port() -> int:
    """A free port on loopback that nobody else takes for as long as this process runs."""
    return _HELD_PORTS.take_any()


def migrate(url: str) -> None:
    """Bring a database to the newest migration."""
    command = (sys.executable, "-m", "alembic", "upgrade", "head")
    environment = {**os.environ, "DATABASE_URL": url}
    done = subprocess.run(
        command, cwd=project_root(), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def note_kafka() -> None:
    """Remember that the tests ran on Apache Kafka, and on which version of it."""
    SERVERS_USED[f"Apache Kafka {jar_version(ensure_jars())}, run by the tests"] = None


class Server(ABC):
    """One server; `start` may follow `kill` any number of times, and finds the data again."""

    def __init__(self, name: str, probe: Probe) -> None:
        self._name, self._probe = name, probe

    async def start(self) -> None:
        """Start it and wait until it is ready; an attempt that ends at once is repeated."""
        deadline = time.monotonic() + READY_SECONDS
        while not await self._is_started(deadline):
            assert time.monotonic() < deadline, f"{self._name} not ready\n{self._log_tail()}"
            await asyncio.sleep(0.3)

    async def _is_started(self, deadline: float) -> bool:
        await self._begin()
        while self.is_running and time.monotonic() < deadline:
            if await self._probe():
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    @abstractmethod
    async def _begin(self) -> None:
        """Start it, ready or not."""

    @abstractmethod
    def _log_tail(self) -> str:
        """Return the end of what it has written."""

    @abstractmethod
    async def kill(self) -> None:
        """SIGKILL; return once all its processes are gone."""

    @property
    @abstractmethod
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""

    @abstractmethod
    def end_at_once(self) -> None:
        """End it for good, without a chance to tidy up."""

    def stop(self) -> None:
        """End it for good, in order where anybody needs what that would write."""
        self.end_at_once()


class ServerProcess(Server):
    """A server as a process of this machine."""

    def __init__(self, command: Command, logs: Path) -> None:
        super().__init__(command.name, command.probe)
        self._command = replace(command, environment=server_environment(dict(os.environ)))
        self._log = logs / f"{command.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None

    async def kill(self) -> None:
        assert self._identity is not None
        found = [c.pid for c in psutil.Process(self._identity.pid).children(recursive=True)]
        children = [ProcessIdentity.of(pid) for pid in found]
        self._identity.send(signal.SIGKILL)
        self._reap()
        while any(child is not None and child.is_alive() for child in children):
            await asyncio.sleep(_POLL_SECONDS)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._identity is not None
        return self._identity.pid

    def end_at_once(self) -> None:
        """SIGKILL its whole process group."""
        if self._identity is not None:
            self._identity.send(signal.SIGKILL)
            self._reap()

    def stop(self) -> None:
        """End it in order."""
        if self._identity is not None:
            end_processes([self._identity], STOP_SECONDS, self._command.stop_signal)
            self._reap()

    async def _begin(self) -> None:
        if self._command.prepare is not None:
            self._command.prepare()
        self._process = spawn(self._command, self._log, {})
        self._identity = ProcessIdentity.of(self._process.pid)

    def _log_tail(self) -> str:
        return "\n".join(tail(self._log, 20))

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
        self._process, self._identity = None, None


@contextmanager
def running(command: Command, logs: Path) -> Iterator[None]:
    """Run a server until the block ends; AssertionError with its log if it does not get ready."""
    server = ServerProcess(command, logs)
    try:
        asyncio.run(server.start())
        yield
    finally:
        server.stop()
