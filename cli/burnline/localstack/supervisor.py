"""The supervisor: keeps the children alive, writes the state file, and ends them in order."""

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack import logfiles
from burnline.localstack.command import Command, user_options
from burnline.localstack.config import DataDir
from burnline.localstack.forked import Fork, start_service
from burnline.localstack.processes import ProcessIdentity, bound_to_this
from burnline.localstack.state import ChildState, StackState, write_state
from common.runtime.backoff import backoff_seconds

READY_TIMEOUT_SECONDS: Final = 90.0
LOG_CHECK_SECONDS: Final = 5.0

FIRST_DELAY_SECONDS: Final = 0.2
MAX_DELAY_SECONDS: Final = 2.0
STABLE_SECONDS: Final = 3.0  # what cannot be started ends within less
POLL_SECONDS: Final = 0.1

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Backoff:
    """The pause before the next start; it grows to its maximum and stays there, for ever."""

    failures: int = 0

    def next_delay(self, lived_seconds: float) -> float:
        """The pause after a life of this length; a long life starts the series anew."""
        self.failures = 1 if lived_seconds >= STABLE_SECONDS else self.failures + 1
        return backoff_seconds(self.failures, FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS)


class Child:
    """Runs a command until it is stopped. `changed` is called at every start and end."""

    def __init__(
        self, command: Command, data_dir: DataDir, changed: Callable[["Child"], None]
    ) -> None:
        self.command = command
        self.state = ChildState(command.name)
        self._data_dir = data_dir
        self._changed = changed
        self._process: subprocess.Popen[bytes] | Fork | None = None
        self._is_starting = False
        self._runs = True

    async def run(self) -> None:
        """Start the process again and again until `stop`."""
        backoff = Backoff()
        while self._runs:
            await self._wait_while_held()
            started = time.monotonic()
            try:
                await self._live()
            except Exception:  # a start that fails is tried again, like a process that dies
                log.exception("%s could not be started", self.command.name)
            if self._runs:
                await asyncio.sleep(backoff.next_delay(time.monotonic() - started))

    async def stop(self) -> None:
        """End the process: its own signal first, SIGKILL after its bound.

        One that is being started is waited for: nobody else would end it.
        """
        self._runs = False
        while self._is_starting:
            await asyncio.sleep(POLL_SECONDS)
        process = self._process
        if process is None:
            return
        self.signal(self.command.stop_signal)
        deadline = time.monotonic() + self.command.stop_timeout_seconds
        while process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        if process.poll() is None:
            log.warning("%s did not end, killing it", self.command.name)
            self.signal(signal.SIGKILL)
            process.wait()

    def signal(self, signum: int) -> None:
        """Signal the process and what it started; nothing when there is none."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            try:
                os.killpg(process.pid, signum)
            except ProcessLookupError:  # it has just begun, and leads no group yet
                os.kill(process.pid, signum)

    async def _wait_while_held(self) -> None:
        while self._runs and self._data_dir.hold(self.command.name).exists():
            await asyncio.sleep(POLL_SECONDS)

    async def _live(self) -> None:
        if self.command.prepare is not None:
            await asyncio.to_thread(self.command.prepare)
        if not self._runs:
            return
        self._is_starting = True
        try:
            self._process = process = await self._start()
        finally:
            self._is_starting = False
        self._report(ProcessIdentity.of(process.pid), self.state.last_exit)
        while process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
        self._process = None
        self._report(None, process.returncode)
        if self._runs:
            log.warning("%s ended with %s", self.command.name, process.returncode)

    async def _start(self) -> subprocess.Popen[bytes] | Fork:
        command, log_file = self.command, self._data_dir.log(self.command.name)
        extra = self._extra_environment()
        if not command.module:
            # in this thread, with which the process would end
            return spawn(command, log_file, extra)
        environment = {**command.environment, **extra}
        start = partial(start_service, command.module, environment, log_file)
        return await asyncio.to_thread(start, begins=command.begins)

    def _report(self, identity: ProcessIdentity | None, last_exit: int | None) -> None:
        again = identity is not None and self.state.last_exit is not None
        restarts = self.state.restarts + int(again)
        self.state = ChildState(self.command.name, identity, restarts, last_exit)
        self._changed(self)

    def _extra_environment(self) -> dict[str, str]:
        path = self._data_dir.environment(self.command.name)
        if not path.exists():
            return {}
        lines = (line.strip() for line in path.read_text().splitlines())
        return dict(line.split("=", 1) for line in lines if "=" in line)


def spawn(command: Command, log_file: Path, extra: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, its output at the end of a log file."""
    with log_file.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - commands of our own
            command.argv,
            env={**command.environment, **extra},
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            **user_options(command.account),
            preexec_fn=bound_to_this(),  # noqa: PLW1509 - one system call, see there
        )


class Supervisor:
    """All children of one stack."""

    def __init__(self, data_dir: DataDir) -> None:
        self.data_dir = data_dir
        self.state = StackState("starting", ProcessIdentity.of(os.getpid()))
        self.stop_requested = asyncio.Event()
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []

    def publish(self, state: StackState) -> None:
        """Make this the state that every other command sees."""
        self.state = state
        write_state(self.data_dir.state, state)

    def add(self, command: Command) -> None:
        """Start a process and keep it alive from now on."""
        child = Child(command, self.data_dir, self._changed)
        self._children.append(child)
        self._tasks.append(asyncio.create_task(child.run()))

    async def wait_ready(self, command: Command) -> None:
        """Wait until the command's probe says yes; StackError when the time is up."""
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not await command.probe():
            if self.stop_requested.is_set():
                raise StackError("stopped while starting")
            if time.monotonic() > deadline:
                seconds = f"{READY_TIMEOUT_SECONDS:.0f} s"
                raise StackError(f"{command.name} was not ready within {seconds}")
            await asyncio.sleep(POLL_SECONDS)

    async def run_until_stopped(self) -> None:
        """Bound the logs until someone asks for the end."""
        while not self.stop_requested.is_set():
            for path in self.data_dir.logs.glob("*.log"):
                logfiles.bound(path)
            try:
                async with asyncio.timeout(LOG_CHECK_SECONDS):
                    await self.stop_requested.wait()
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """End the children, the highest layer first, those of one layer together."""
        for layer in sorted({child.command.layer for child in self._children}, reverse=True):
            members = (child for child in self._children if child.command.layer == layer)
            await asyncio.gather(*(child.stop() for child in members))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def handle_signals(self) -> None:
        """Stop on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.stop_requested.set)

    def _changed(self, child: Child) -> None:
        children = tuple(each.state for each in self._children)
        self.publish(replace(self.state, children=children))
        if child.state.identity is None:
            for other in self._children:
                if other.command.name in child.command.dependents:
                    other.signal(signal.SIGKILL)
