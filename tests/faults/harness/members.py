"""A service as a process of its own, which can be killed, frozen and thawed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from burnline.localstack.forked import Fork, start_service
from burnline.localstack.processes import ProcessIdentity
from burnline.localstack.services import SERVICES, is_service_ready
from tests.support.servers.proxy import HOST
from tests.support.servers.running import held_port

READY_SECONDS: Final = 120.0
_GRACE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_PORTS: Final = {service.module: service.port_variable for service in SERVICES}


def _mutate(names: str) -> None:
    """Take out of the starting service what `tests.faults.harness.mutant` names."""
    from tests.faults.harness.mutant import mutate  # noqa: PLC0415 - for mutants only

    mutate(names)


class Member:
    """One process of a service: a member of the consumer group, or the gateway."""

    def __init__(self, name: str, service: str, environment: dict[str, str], folder: Path) -> None:
        self.name, self.folder = name, folder
        self.port = held_port()
        self.url = f"http://{HOST}:{self.port}"
        self._service = service
        self._environment = {
            **environment,
            _PORTS[service]: str(self.port),
            "BURNLINE_DATA_DIR": str(folder),
        }
        self._process: Fork | None = None
        self._identity: ProcessIdentity | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, failpoints: str = "", mutation: str = "") -> None:
        """Start it, stopping itself at the failpoints, or with one of its guards taken out."""
        self.kill()
        for hit in self.folder.glob("failpoint-*.hit"):
            hit.unlink()
        environment = {**os.environ, **self._environment, "BURNLINE_FAILPOINTS": failpoints}
        before = partial(_mutate, mutation) if mutation else None
        self._process = start_service(self._service, environment, self._log, before=before)
        self._identity = ProcessIdentity.of(self._process.pid)

    @property
    def is_running(self) -> bool:
        """Whether it lives; a frozen one does."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        return await is_service_ready(self.url)

    async def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it says that it is ready."""
        await self._wait(self.is_ready, seconds, "is not ready")

    async def wait_hit(self, failpoint: str, seconds: float = 120.0) -> None:
        """Wait until it has stopped at a failpoint."""
        hit = self.folder / f"failpoint-{failpoint}.hit"

        async def is_hit() -> bool:
            return hit.exists()

        await self._wait(is_hit, seconds, f"has not come to {failpoint}")

    async def wait_ended(self, seconds: float = 120.0) -> int:
        """Wait until it has ended; return its exit code."""
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while self._process.returncode is None:
            assert time.monotonic() < deadline, f"{self.name} goes on\n{self.log[-4000:]}"
            await asyncio.sleep(_POLL_SECONDS)
        return self._process.returncode

    def kill(self) -> None:
        """SIGKILL it, frozen or not; nothing when it does not run."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    async def stop(self) -> None:
        """End it in order; SIGKILL what goes on for too long, as the supervisor does."""
        self.send(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.is_running and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        self.kill()

    def freeze(self) -> None:
        """SIGSTOP it."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.send(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def send(self, signum: int) -> None:
        """Signal it, if it lives."""
        if self._identity is not None:
            self._identity.send(signum)

    async def _wait(
        self, holds: Callable[[], Awaitable[bool]], seconds: float, otherwise: str
    ) -> None:
        """Wait while it lives, or is killed: whoever killed it starts it again."""
        deadline = time.monotonic() + seconds
        while not await holds():
            message = f"{self.name} {otherwise}\n{self.log[-4000:]}"
            assert self._process is not None, message
            assert self.is_running or self._process.returncode == -signal.SIGKILL, message
            assert time.monotonic() < deadline, message
            await asyncio.sleep(_POLL_SECONDS)
