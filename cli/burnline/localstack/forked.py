"""Start services as forks of one process that has read their libraries.

To read them takes a second or two of a core, far longer than all else that a consumer does between
its death and the next record that it applies. Forks share the memory of what is read. What a
service has of its own it imports itself: the metrics of one would be exported by all.
"""

import multiprocessing
import os
import runpy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from typing import Final, cast

from burnline.localstack.processes import ProcessIdentity, die_with_parent

POLL_SECONDS: Final = 0.05
_READ_FIRST: Final = (
    "burnline.localstack.end_with_supervisor",
    "aiokafka",
    "aiokafka.admin",
    "asyncpg",
    "fastapi",
    "faststream.kafka",
    "httpx",
    "jwt",
    "msgspec",
    "numpy",
    "prometheus_client",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.ext.asyncio",
    "structlog",
    "uvicorn",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)
_SERVER: Final = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([*_READ_FIRST])
_starting: Final = Lock()


class Fork:
    """A started service, with what `subprocess.Popen` has to watch it."""

    def __init__(self, process: BaseProcess) -> None:
        self.pid, self._process = cast("int", process.pid), process  # it is started

    @property
    def returncode(self) -> int | None:
        """Return the exit status; None while it runs, -N where signal N has ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        return self.returncode

    def wait(self) -> int:
        """Wait for its end; return the exit status."""
        self._process.join()
        return self._process.exitcode or 0


def start_service(
    module: str,
    environment: Mapping[str, str],
    log: Path,
    *,
    begins: Path | None = None,
    before: Callable[[], None] | None = None,
) -> Fork:
    """Start `python -m module` in a process group of its own, its output at the end of a file.

    Where a file `begins` is named it imports its code at once and begins once that is there.
    `before` is called first. Blocks while the libraries are read.
    """
    start = _Start(module, dict(environment), log, begins, before, ProcessIdentity.of(os.getpid()))
    with _starting:
        process = _SERVER.Process(target=_serve, args=(start,), daemon=True)
        process.start()
    return Fork(process)


@dataclass(frozen=True, slots=True)
class _Start:
    module: str
    environment: dict[str, str]
    log: Path
    begins: Path | None
    before: Callable[[], None] | None
    supervisor: ProcessIdentity | None


def _serve(start: _Start) -> None:
    os.setpgid(0, 0)
    die_with_parent(os.getppid())
    if start.supervisor is None or not start.supervisor.is_alive():
        return  # the fork server may have ended before it was the parent whose death is heard of
    os.environ.clear()
    os.environ.update(start.environment)
    with start.log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    if start.before is not None:
        start.before()
    if start.begins is not None:
        import_module(f"{start.module}.app")
        while not start.begins.exists():
            time.sleep(POLL_SECONDS)
    runpy.run_module(start.module, run_name="__main__", alter_sys=True)
