"""A real server for as long as it is needed, a migrated database, and which servers there were."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from burnline.localstack.artifacts import ensure_jars, jar_version
from burnline.localstack.command import Command
from burnline.localstack.config import server_environment
from burnline.localstack.logfiles import tail
from burnline.localstack.places import project_root
from burnline.localstack.ports import Reservations
from burnline.localstack.processes import ProcessIdentity, end_processes
from burnline.localstack.supervisor import spawn

START_TIMEOUT_SECONDS: Final = 180.0
STOP_TIMEOUT_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.1
TEMPLATE: Final = "burnline_template"
SERVERS_USED: Final[dict[str, None]] = {}
"""What the summary says of the servers that the tests ran on, line by line."""
_HELD_PORTS: Final = Reservations()


@contextmanager
def running(command: Command, logs: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a command until the block ends; AssertionError with its log if it does not get ready."""
    command = replace(command, environment=server_environment(environment))
    if command.prepare is not None:
        command.prepare()
    log = logs / f"{command.name}.log"
    process = spawn(command, log, {})
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    try:
        asyncio.run(_wait_ready(command, log))
        yield
    finally:
        end_processes([identity], STOP_TIMEOUT_SECONDS, command.stop_signal)
        process.wait()


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


async def _wait_ready(command: Command, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not await command.probe():
        assert time.monotonic() < deadline, "\n".join([f"{command.name} not ready", *tail(log, 30)])
        await asyncio.sleep(POLL_SECONDS)
