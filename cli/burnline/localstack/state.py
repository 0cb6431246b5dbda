"""The state file: what the supervisor last knew of its stack, for every other command."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from burnline.errors import StackError
from burnline.localstack.places import write_private
from burnline.localstack.processes import ProcessIdentity

KEY_FILE: Final = "key"


@dataclass(frozen=True, slots=True)
class ChildState:
    """One supervised process; `identity` is None while it waits to be started again."""

    name: str
    identity: ProcessIdentity | None = None
    restarts: int = 0
    last_exit: int | None = None


@dataclass(frozen=True, slots=True)
class StackState:
    """The whole stack; `phase` is starting, running, stopping, stopped or failed."""

    phase: str
    supervisor: ProcessIdentity | None
    detail: str = ""
    children: tuple[ChildState, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    broker: str = ""
    broker_version: str = ""

    def identities(self) -> list[ProcessIdentity]:
        """Every process of the stack that was running, the supervisor first."""
        found = [self.supervisor, *(child.identity for child in self.children)]
        return [identity for identity in found if identity is not None]

    def is_running(self) -> bool:
        """Whether the supervisor that wrote this is still alive."""
        return self.supervisor is not None and self.supervisor.is_alive()

    def address(self, variable: str) -> str:
        """The base URL of the service whose port is in `variable`."""
        return local_url(self.environment["BURNLINE_HOST"], self.environment[variable])


def local_url(host: str, port: str) -> str:
    """How this machine reaches a service that is bound to `host`, also to all interfaces."""
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104


def write_state(path: Path, state: StackState) -> None:
    """Replace the state file in one step; it holds a password, so only the owner reads it."""
    partial = path.with_suffix(f".{os.getpid()}")
    write_private(partial, json.dumps(asdict(state), indent=1), os.O_TRUNC)
    partial.replace(path)


def read_state(path: Path) -> StackState | None:
    """The last state, or None where no stack was ever started.

    Raises StackError for a state that another version of the command wrote.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=StackState)
    except FileNotFoundError:
        return None
    except msgspec.ValidationError as error:
        raise StackError(
            f"{path} was written by another version of burnline: run `burnline down` with that "
            f"version, or end the processes it names and delete it ({error})"
        ) from error


def read_running(path: Path) -> StackState | None:
    """The state of the stack that runs, None where none does.

    In its environment is the key of who started it, once there is one: what commands write is in
    that name. The stack's own token makes keys, and is nobody's.
    """
    state = read_state(path)
    if state is None or not state.is_running():
        return None
    key = read_key(path.with_name(KEY_FILE))
    return (
        replace(state, environment={**state.environment, "BURNLINE_API_TOKEN": key})
        if key
        else state
    )


def read_key(path: Path) -> str | None:
    """Return the key that `up` has made, if there is one."""
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
