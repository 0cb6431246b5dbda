"""Processes known by pid and start time, so that a pid used again is never taken for ours."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

PR_SET_PDEATHSIG: Final = 1
START_TICKS_FIELD: Final = 19  # of /proc/<pid>/stat, counted after the name
POLL_SECONDS: Final = 0.05


def run(argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of our own to its end, and keep what it prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=False, **options)  # noqa: S603


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process; `started` is an opaque time of its start, different for every process."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """The identity of a running process, or None when there is none."""
        try:
            return cls(pid, _start_time(pid))
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return None

    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        try:
            is_zombie = psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        return not is_zombie and ProcessIdentity.of(self.pid) == self

    def send(self, signum: int) -> None:
        """Signal this process and its group if it leads one; nothing when it is gone."""
        if not self.is_alive():
            return
        try:
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signum)
            else:
                os.kill(self.pid, signum)
        except ProcessLookupError:
            return


def wait_gone(identities: Iterable[ProcessIdentity], timeout_seconds: float) -> bool:
    """Wait until none of them is alive; False when the time is up first."""
    deadline = time.monotonic() + timeout_seconds
    left = list(identities)
    while left := [identity for identity in left if identity.is_alive()]:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end_processes(
    identities: Iterable[ProcessIdentity], timeout_seconds: float, first: int = signal.SIGTERM
) -> None:
    """End processes: a polite signal, and SIGKILL to what is left after the bound."""
    alive = [identity for identity in identities if identity.is_alive()]
    for identity in alive:
        identity.send(first)
    if not wait_gone(alive, timeout_seconds):
        for identity in alive:
            identity.send(signal.SIGKILL)
        wait_gone(alive, timeout_seconds)


def _start_time(pid: int) -> str:
    # A time of day would move with every correction of the clock; ticks since boot do not.
    if sys.platform != "linux":
        return str(psutil.Process(pid).create_time())
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{after_name[START_TICKS_FIELD]}"


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill the calling process when its parent dies (Linux; else nothing).

    Ends it at once where that parent is gone already: no signal would come any more.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:
            os._exit(-signal.SIGKILL)


def bound_to_this() -> Callable[[], None]:
    """Return what a child of this process calls between fork and exec, to die with it.

    It is called after a change of user, which would clear the setting.
    """
    return partial(die_with_parent, os.getpid())


# Loaded before any fork: loading a library in the child of a fork is not safe.
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
