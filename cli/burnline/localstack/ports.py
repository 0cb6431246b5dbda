"""TCP ports of the local stack: which are free, and what to do when a wanted one is not."""

import contextlib
import fcntl
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from burnline.errors import StackError
from burnline.localstack.places import cache_dir

# Where the servers of a stack listen, whatever BURNLINE_HOST says for its services.
LOOPBACK: Final = "127.0.0.1"
# Below every usual ephemeral range (Linux from 32768, macOS from 49152): a client that retries
# against a server that is down can be given that very port as its own and so keep it from coming
# back.
FIRST_PORT: Final = 15_000
LAST_PORT: Final = 31_999
ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class ConfiguredPort:
    """A port as configured: `explicit` when the caller named it, not the default."""

    variable: str
    port: int
    explicit: bool


def is_free(host: str, port: int) -> bool:
    """Whether a server could bind `port` on `host` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class Reservations:
    """Ports that no other stack of this user takes, until the last holder of the locks is gone.

    Two stacks that start at once would otherwise both find a port free before either listens. The
    locks are file descriptors, so that they can be handed to the supervisor.
    """

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def take(self, host: str, port: int) -> bool:
        """Reserve a port; False when it is in use or reserved."""
        if not is_free(host, port):
            return False
        folder = cache_dir() / "ports"
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.descriptors.append(descriptor)
        return True

    def take_any(self) -> int:
        """Reserve a free port on loopback outside the ephemeral range; StackError if none is."""
        return _search(lambda port: self.take(LOOPBACK, port))

    def close(self) -> None:
        """Let go; a process that was handed the descriptors still holds them."""
        while self.descriptors:
            os.close(self.descriptors.pop())


def free_port(host: str) -> int:
    """A port outside the ephemeral range that is free and not reserved; StackError if none is."""
    with contextlib.closing(Reservations()) as reservations:
        return _search(lambda port: reservations.take(host, port))


def resolve_port(host: str, configured: ConfiguredPort, reservations: Reservations) -> int:
    """Reserve the wanted port, or a free one when only a default is busy.

    Raises StackError that names the variable when an explicitly chosen port is busy.
    """
    if reservations.take(host, configured.port):
        return configured.port
    if configured.explicit:
        raise StackError(
            f"{configured.variable}={configured.port} is in use on {host}: "
            f"stop what listens there, or set {configured.variable} to another port"
        )
    return _search(lambda port: reservations.take(host, port))


def _search(is_good: Callable[[int], bool]) -> int:
    for _ in range(ATTEMPTS):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        if is_good(port):
            return port
    raise StackError(f"no free TCP port between {FIRST_PORT} and {LAST_PORT}")
