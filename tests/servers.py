"""One real server for a test session, ended with it, and which ones there were."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from burnline.child import spawn
from burnline.command import Command
from burnline.environment import server_environment
from burnline.logfiles import tail
from burnline.processes import ProcessIdentity, end_processes

START_TIMEOUT_SECONDS: Final = 90.0
STOP_TIMEOUT_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.1
SERVERS_USED: Final[dict[str, None]] = {}
"""What the summary says of the servers that the tests ran on, line by line."""


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


async def _wait_ready(command: Command, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not await command.probe():
        assert time.monotonic() < deadline, "\n".join([f"{command.name} not ready", *tail(log, 30)])
        await asyncio.sleep(POLL_SECONDS)
