"""What the supervisor needs to know to run one process and to end it."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a process runs as."""

    name: str
    uid: int
    gid: int


def user_options(account: Account | None) -> dict[str, Any]:
    """Return what makes `subprocess` run a process as an account; None: as ourselves."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Command:
    """One process of the stack: a program with its arguments, or a module of ours.

    A module imports its code at once and begins its work once the file `begins` is there.

    `probe` says whether it is ready; `prepare` runs before every start (it may raise, and is then
    tried again); `dependents` are ended, and so started anew, whenever this one dies; higher
    layers are ended before lower ones.
    """

    name: str
    argv: tuple[str, ...]
    probe: Probe
    module: str = ""
    begins: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    stop_timeout_seconds: float = 20.0
    layer: int = 0
    dependents: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None
