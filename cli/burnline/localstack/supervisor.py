"""The supervisor: keeps the children alive, tells the state file, and ends them in order."""

import asyncio
import logging
import os
import signal
import time
from dataclasses import replace
from typing import Final

from burnline.errors import StackError
from burnline.localstack import logfiles
from burnline.localstack.child import Child
from burnline.localstack.command import Command
from burnline.localstack.config import DataDir
from burnline.localstack.processes import ProcessIdentity
from burnline.localstack.state import StackState, write_state

READY_TIMEOUT_SECONDS: Final = 90.0
PROBE_INTERVAL_SECONDS: Final = 0.1
LOG_CHECK_SECONDS: Final = 5.0

log = logging.getLogger(__name__)


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
                message = "stopped while starting"
                raise StackError(message)
            if time.monotonic() > deadline:
                message = f"{command.name} was not ready within {READY_TIMEOUT_SECONDS:.0f} s"
                raise StackError(message)
            await asyncio.sleep(PROBE_INTERVAL_SECONDS)

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
        """Take SIGTERM and SIGINT as the wish to stop."""
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
